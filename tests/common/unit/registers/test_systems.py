"""Systems of records, authorities and assessments."""

from typing import Any

import pytest

from common.registers.systems import Systems, authorities_from, systems


def register(**differs: Any) -> dict[str, Any]:
    document: dict[str, Any] = systems().model_dump()
    document["systems"][0].update(differs)
    return document


@pytest.mark.req("S1-009")
def test_the_system_of_the_chats_carries_its_name_and_number() -> None:
    system = systems().find("60-0383")
    assert system is not None
    assert system.name == "Customer Engagement Tools Record System"
    assert (system.classification, system.exemptions) == ("Unclassified", ())


@pytest.mark.req("S1-013")
def test_it_is_maintained_under_the_two_sections_and_no_other() -> None:
    system = systems().find("60-0383")
    assert system is not None
    assert system.authorities == ("42-usc-405-a", "42-usc-902-a-5")


@pytest.mark.req("S3-117", "S3-124")
def test_each_reporting_tool_has_its_notices() -> None:
    assert systems().of_tool("QUEUE") == {"DHS/USCIS-007", "DHS/ALL-004"}
    assert systems().of_tool("eSTAT") == {"DHS/ALL-019"}


@pytest.mark.req("S1-120")
def test_the_first_version_replaced_none_and_history_is_kept() -> None:
    histories = {system.number: [v.previous for v in system.versions] for system in systems().systems}
    assert histories["60-0383"] == [None]
    assert histories["DHS/ALL-004"] == [None, "2006", "2008", "2009"]
    assert all(history[0] is None and None not in history[1:] for history in histories.values())


VERSION = {
    "version": "2017",
    "previous": None,
    "citation": "82 Fed. Reg. 36178",
    "published_on": "2017-08-03",
    "cited": True,
}
LATER = {"version": "2027", "previous": "2017", "citation": "92 Fed. Reg. 1", "published_on": "2027-01-04"}


@pytest.mark.req("S1-120")
def test_a_later_version_is_added_beside_the_first() -> None:
    system = Systems.model_validate(register(versions=[VERSION, LATER])).find("60-0383")
    assert system is not None
    assert [version.version for version in system.versions] == ["2017", "2027"]


@pytest.mark.parametrize(
    ("differs", "told"),
    [
        ({"versions": [VERSION | {"previous": "1999"}]}, "names a previous one"),
        ({"versions": [VERSION, LATER | {"previous": None}]}, "does not follow version 2017"),
        ({"versions": [VERSION, LATER | {"published_on": "2016-01-04"}]}, "does not follow version 2017"),
        ({"versions": [VERSION | {"cited": False}]}, "exactly one version"),
        ({"versions": []}, "versions"),
        ({"authorities": ["1-usc-1"]}, "no such authority: 1-usc-1"),
        ({"authorities": []}, "authorities"),
        ({"location": ""}, "location"),
    ],
)
def test_a_register_that_does_not_hold_together_is_refused(differs: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Systems.model_validate(register(**differs))


def test_an_authority_stands_once() -> None:
    one = {"cited_as": "1 U.S.C. 1", "permits": "To read words as they are meant", "source": "S1 authority"}
    assert authorities_from({"authorities": {"a": one}})["a"].cited_as == "1 U.S.C. 1"
    with pytest.raises(ValueError, match="stands twice"):
        authorities_from({"authorities": {"a": one, "b": one}})


@pytest.mark.parametrize("written", ["DHS/ALL-019", "dhs/all-019", "dhs-all-019"])
def test_a_system_is_found_however_its_number_is_written(written: str) -> None:
    found = systems().find(written)
    assert found is not None
    assert found.number == "DHS/ALL-019"


def test_what_is_not_there_is_not_found() -> None:
    assert systems().find("60-0384") is None
    assert not systems().is_assessed("PIA-086")
    assert not systems().is_assessed("PIA-0867 2.1")
    assert systems().is_assessed("PIA-086 2.1")
