"""The registers as anybody can read them."""

from collections.abc import MutableMapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from common.registers.documents import ACKNOWLEDGEMENTS, accepted_versions, documents
from common.registers.systems import authorities, systems
from common.testing import FixedClock, client_of
from disclosure import rulebook
from disclosure.app import make_app
from disclosure.settings import DisclosureSettings
from tests.disclosure.desk import Desk

EXPIRED = datetime(2028, 1, 1, tzinfo=UTC)


async def got(desk: Desk, path: str) -> Any:
    answer = await desk.client.get(f"/v1/registers/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.req("S1-011", "S1-009")
async def test_the_location_of_the_system_is_told_as_it_was_published(desk: Desk) -> None:
    told = await got(desk, "systems/60-0383")
    assert told["location"] == "Robert M. Ball Building, 6401 Security Boulevard, Baltimore, MD 21235"
    assert (told["number"], told["name"]) == ("60-0383", "Customer Engagement Tools Record System")
    assert [law["cited_as"] for law in told["authorities"]] == ["42 U.S.C. 405(a)", "42 U.S.C. 902(a)(5)"]


@pytest.mark.parametrize("number", rulebook.SYSTEMS)
def test_register_and_rules_speak_of_the_same_notice(number: str) -> None:
    notice, system = rulebook.current(number).notice, systems().find(number)
    assert system is not None
    assert notice.name == system.name
    newest = system.versions[-1]
    assert (notice.version, notice.previous, notice.publications[-1].published_on) == (
        newest.version,
        newest.previous,
        newest.published_on,
    )
    assert notice.citation.startswith(newest.citation)


def test_register_and_rules_say_the_same_of_the_chat_s_own_system() -> None:
    notice, system = rulebook.current().notice, systems().find(rulebook.SYSTEM)
    assert system is not None
    assert (notice.location, notice.manager_address) == (system.location, system.location)
    assert notice.exemptions == system.exemptions
    for key in system.authorities:
        assert authorities()[key].cited_as.removeprefix("42 U.S.C. ") in notice.authority
    assert system.manager in notice.manager_office


@pytest.mark.req("S1-120")
async def test_every_system_is_listed_with_its_history(desk: Desk) -> None:
    told = await got(desk, "systems")
    assert {s["number"] for s in told["systems"]} == systems().numbers()
    assert {s["number"]: s["versions"][0]["previous"] for s in told["systems"]} == dict.fromkeys(systems().numbers())
    assert {a["id"] for a in told["assessments"]} == {"PIA-086", "SORN-60-0383"}


async def test_a_number_with_a_slash_is_asked_for_with_a_hyphen(desk: Desk) -> None:
    assert (await got(desk, "systems/dhs-all-019"))["number"] == "DHS/ALL-019"
    answer = await desk.client.get("/v1/registers/systems/60-0384")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.req("S2-001")
async def test_a_policy_is_listed_with_its_validity(desk: Desk) -> None:
    told = {item["id"]: item for item in (await got(desk, "policies"))["items"]}
    assert told.keys() == {"protecting-pii", "rules-of-behaviour"}
    versions = told["protecting-pii"]["versions"]
    assert (versions[0]["issued_on"], versions[0]["effective_on"], versions[0]["expires_on"]) == (
        "2008-07-16", "2008-07-16", "2009-07-16",
    )  # fmt: skip
    assert told["protecting-pii"]["current"] == versions[1]["content_id"]
    assert told["protecting-pii"]["review"] == "none"


@pytest.mark.req("S2-001")
async def test_an_expired_policy_raises_the_alert(
    settings: DisclosureSettings, logged: list[MutableMapping[str, Any]]
) -> None:
    async with client_of(make_app(settings, FixedClock(EXPIRED))) as client:
        items = (await client.get("/v1/registers/policies")).json()["items"]
        assert {item["id"]: item["review"] for item in items} == {
            "protecting-pii": "expired",
            "rules-of-behaviour": "expired",
        }
        assert "muniment_policies_to_review 2.0" in (await client.get("/metrics")).text
    warned = [entry for entry in logged if entry["event"] == "a text has to be reviewed"]
    assert {(entry["document"], entry["state"]) for entry in warned} == {
        ("protecting-pii", "expired"), ("rules-of-behaviour", "expired"),
    }  # fmt: skip


async def test_while_nothing_is_due_there_is_no_alert(desk: Desk, logged: list[MutableMapping[str, Any]]) -> None:
    assert "muniment_policies_to_review 0.0" in (await desk.client.get("/metrics")).text
    assert not [entry for entry in logged if entry["event"] == "a text has to be reviewed"]


@pytest.mark.req("S1-100", "S3-108")
async def test_what_people_are_trained_by_and_sign_can_be_read_with_its_digest(desk: Desk) -> None:
    told = {item["id"]: item for item in (await got(desk, "training"))["items"]}
    assert told.keys() == {"security-and-privacy-awareness", "production-tools", "sanctions"}
    today = date(2026, 3, 2)
    assert desk.clock.now().date() == today
    for name, item in told.items():
        assert ACKNOWLEDGEMENTS[item["claim"]] == name
        assert set(item["accepted"]) == accepted_versions(today)[item["claim"]]
        assert item["versions"][-1]["digest"] == documents().texts[name][-1].digest
        assert item["current"].endswith(item["versions"][-1]["digest"][:12])
    text = str(told["security-and-privacy-awareness"]["versions"][-1]["sections"])
    assert "552a(i)(1)" in text


@pytest.mark.req("S2-009", "S2-012")
async def test_the_agency_s_own_kinds_are_in_force_without_a_change_of_the_program(
    settings: DisclosureSettings, tmp_path: Path, clock: FixedClock
) -> None:
    file = tmp_path / "agency.yaml"
    file.write_text("types: {badge-number: {class: indirect, means: The number on the person's badge}}")
    own = settings.model_copy(update={"pii_taxonomy_file": str(file)})
    async with client_of(make_app(own, clock)) as client:
        kinds = {kind["code"]: kind["class"] for kind in (await client.get("/v1/registers/pii-kinds")).json()["kinds"]}
    assert kinds["badge-number"] == "indirect"
    assert kinds["home-address"] == "protected"


def test_a_file_that_asks_for_less_keeps_the_service_from_starting(
    settings: DisclosureSettings, tmp_path: Path
) -> None:
    file = tmp_path / "agency.yaml"
    file.write_text("types: {home-address: {class: non_sensitive, means: Where somebody lives}}")
    with pytest.raises(ValueError, match="cannot ask for less"):
        make_app(settings.model_copy(update={"pii_taxonomy_file": str(file)}))
