"""Policies, trainings and what people sign: what they say, and whose acknowledgement counts when."""

from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common.registers.documents import (
    ACKNOWLEDGEMENTS,
    GRACE,
    Document,
    Documents,
    accepted_versions,
    current_versions,
    digest_of,
    documents,
)

DAY = timedelta(days=1)
FOLDER = files("common.registers") / "documents"
FILES = sorted(file.name for file in FOLDER.iterdir() if file.name.endswith(".yaml"))


def text(version: str, previous: str | None, effective: date, expires: date | None = None, **differs: Any) -> Document:
    document: dict[str, Any] = {
        "id": "protecting-pii", "kind": "policy", "version": version, "previous": previous, "title": "A policy", "source": "S2",
        "applies_to": "all staff", "issued_on": effective, "effective_on": effective, "expires_on": expires,
        "sections": [{"id": "one", "heading": "One", "covers": [], "text": [f"What version {version} says."]}],
    } | differs  # fmt: skip
    return Document.model_validate({"digest": digest_of(document), **document})


def covered(claim: str, today: date = date(2026, 3, 2)) -> frozenset[str]:
    current = documents().current(ACKNOWLEDGEMENTS[claim], today)
    assert current is not None
    return current.covers


@pytest.mark.req("S1-100")
def test_the_yearly_training_reminds_of_pii_and_of_the_criminal_penalties() -> None:
    assert covered("training_version") >= {"pii-reminder", "criminal-penalties"}
    current = documents().current("security-and-privacy-awareness", date(2026, 3, 2))
    assert current is not None
    assert "552a(i)(1)" in " ".join(
        line for s in current.sections if "criminal-penalties" in s.covers for line in s.text
    )


@pytest.mark.req("S3-108")
def test_the_yearly_training_covers_the_privacy_act_and_the_four_kinds_of_safeguards() -> None:
    kinds = {f"safeguards-{kind}" for kind in ("administrative", "technical", "physical", "personnel")}
    assert covered("training_version") >= {"privacy-act-obligations", *kinds}


@pytest.mark.req("S3-066")
def test_there_is_a_training_on_using_the_reporting_tools_and_on_how_sensitive_their_data_are() -> None:
    assert covered("tool_training_version") >= {"database-use", "data-sensitivity"}


@pytest.mark.req("S1-102", "S2-016")
def test_who_signs_the_sanctions_acknowledges_accountability_and_both_kinds_of_penalties() -> None:
    wanted = {"accountability-access", "accountability-disclosure", "criminal-penalties", "civil-penalties"}
    assert covered("sanctions_version") >= wanted


@pytest.mark.req("S1-102")
@given(st.sampled_from(sorted(ACKNOWLEDGEMENTS)), st.dates(date(2026, 1, 1), date(2030, 1, 1)))
def test_what_is_acknowledged_names_the_version_and_the_digest_of_the_text(claim: str, today: date) -> None:
    named = current_versions(today)[claim]
    document = documents().current(ACKNOWLEDGEMENTS[claim], today)
    assert document is not None
    assert named == f"{document.id}/{document.version}+{document.digest[:12]}"
    assert named in accepted_versions(today)[claim]


@pytest.mark.req("S2-001")
def test_the_policy_register_holds_the_bulletin_with_its_three_dates() -> None:
    bulletin = documents().texts["protecting-pii"][0]
    dates = (bulletin.issued_on, bulletin.effective_on, bulletin.expires_on)
    assert dates == (date(2008, 7, 16), date(2008, 7, 16), date(2009, 7, 16))


@pytest.mark.req("S2-001")
@pytest.mark.parametrize(
    ("today", "review"),
    [
        (date(2008, 7, 16), "none"),
        (date(2009, 5, 16), "none"),
        (date(2009, 5, 17), "due"),
        (date(2009, 7, 15), "due"),
        (date(2009, 7, 16), "expired"),
        (date(2025, 12, 31), "expired"),
        (date(2026, 1, 1), "none"),
        (date(2028, 1, 1), "expired"),
    ],
)
def test_an_expired_policy_asks_for_its_review(today: date, review: str) -> None:
    assert documents().review("protecting-pii", today) == review
    assert ("protecting-pii" in documents().to_review(today)) == (review != "none")


def test_a_text_that_runs_without_end_asks_for_none() -> None:
    assert documents().review("sanctions", date(2040, 1, 1)) == "none"
    assert documents().review("sanctions", date(2000, 1, 1)) == "none"


FIRST = text("1", None, date(2026, 1, 1))
SECOND = text("2", "1", date(2027, 1, 1))
BOTH = Documents.of([SECOND, FIRST])


@pytest.mark.parametrize(
    ("today", "accepted"),
    [
        (date(2025, 12, 31), set()),
        (date(2026, 1, 1), {FIRST.content_id}),
        (date(2026, 12, 31), {FIRST.content_id}),
        (date(2027, 1, 1), {FIRST.content_id, SECOND.content_id}),
        (date(2027, 1, 1) + GRACE - DAY, {FIRST.content_id, SECOND.content_id}),
        (date(2027, 1, 1) + GRACE, {SECOND.content_id}),
    ],
)
def test_an_acknowledgement_of_the_version_before_counts_for_a_while(today: date, accepted: set[str]) -> None:
    assert BOTH.accepted("protecting-pii", today) == accepted


def test_an_expired_text_that_nothing_replaced_still_counts() -> None:
    expired = Documents.of([text("1", None, date(2026, 1, 1), date(2027, 1, 1))])
    assert expired.accepted("protecting-pii", date(2030, 1, 1))
    assert expired.review("protecting-pii", date(2030, 1, 1)) == "expired"


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2026, 11, 22), date(2035, 1, 1)])
def test_there_is_always_something_to_acknowledge(today: date) -> None:
    assert all(accepted_versions(today).values())
    assert current_versions(today).keys() == ACKNOWLEDGEMENTS.keys()


@pytest.mark.req("S1-102")
@pytest.mark.parametrize("name", FILES)
def test_a_text_that_was_edited_after_it_was_published_does_not_load(name: str) -> None:
    document = yaml.safe_load((FOLDER / name).read_text())
    Document.model_validate(document)
    document["sections"][0]["text"][0] += " Nearly."
    with pytest.raises(ValueError, match="make a new version"):
        Document.model_validate(document)


@pytest.mark.parametrize(
    "broken",
    [
        [text("1", "0", date(2026, 1, 1))],
        [FIRST, text("3", "2", date(2028, 1, 1))],
        [FIRST, text("2", "1", date(2026, 1, 1))],
    ],
)
def test_versions_that_do_not_follow_one_another_are_refused(broken: list[Document]) -> None:
    with pytest.raises(ValueError, match=r"previous|follow"):
        Documents.of(broken)


@pytest.mark.parametrize("expires", [date(2026, 1, 1), date(2025, 1, 1)])
def test_days_out_of_order_are_refused(expires: date) -> None:
    with pytest.raises(ValueError, match="not in this order"):
        text("1", None, date(2026, 1, 1), expires)
