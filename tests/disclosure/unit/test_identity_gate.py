"""The identity gate: its table of cases, and what holds whatever the table says."""

from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.disclosure import FactValue
from disclosure.individuals.identity import SUBJECTS, Claim, IdentityTable, certified, judge, table, wrong_facts

TABLE = table()
CASES = yaml.safe_load((files("disclosure.individuals") / "law" / "identity-cases.yaml").read_text("utf-8"))
TODAY: date = CASES["today"]


def claim_of(row: dict[str, Any]) -> Claim:
    base = CASES["bases"][row["base"]]
    facts = {k: v for k, v in base["facts"].items() if k not in row.get("without", [])} | row.get("facts", {})
    return Claim(
        base["channel"],
        row.get("capacity", "self"),
        row.get("subject", base.get("subject", "customer")),
        row.get("sensitivity", "ordinary"),
        facts,
    )


def rows() -> Iterator[Any]:
    for row in CASES["cases"]:
        shows = row.get("shows", [])
        yield pytest.param(row, id=row["case"], marks=[pytest.mark.req(*shows)] if shows else [])


@pytest.mark.parametrize("row", list(rows()))
def test_a_case_of_the_table_comes_out_as_it_says(row: dict[str, Any]) -> None:
    verdict = judge(TABLE, claim_of(row), today=TODAY)
    assert verdict.verified is row.get("verified", False)
    assert bool(verdict.closed) is row.get("closed", False)
    assert list(verdict.missing) == row.get("missing", [])
    if "way" in row:
        assert verdict.way == row["way"]
    if "instead" in row:
        assert list(verdict.instead) == row["instead"]
    assert verdict.note == row.get("note", "")


def test_every_way_has_a_case_that_goes_through_it() -> None:
    gone = {(claim_of(r).channel, r["way"]) for r in CASES["cases"] if r.get("verified")}
    assert gone == {(name, way) for name, channel in TABLE.channels.items() for way in channel.ways}


def test_every_element_is_missed_in_some_case() -> None:
    missed = {name for row in CASES["cases"] for name in row.get("missing", [])}
    alternatives = {"token.card", "identity-document.plain", "parenthood.document", "guardianship.order"}
    assert set(TABLE.elements) - missed <= alternatives


FACTS: dict[str, st.SearchStrategy[Any]] = {
    name: st.sampled_from(
        [True, False, 1, 2, "2026-02-27", "2026-03-03", "MARK-1", "passport", "union-card", "a b", "219-09-9999"]
    )
    for name in TABLE.elements
}


@given(
    st.sampled_from(sorted(TABLE.channels)),
    st.sampled_from(sorted(TABLE.capacities)),
    st.sampled_from(SUBJECTS),
    st.sampled_from(sorted(TABLE.sensitive)),
    st.fixed_dictionaries({}, optional=FACTS),
)
@pytest.mark.req("S1-111")
def test_verified_means_that_nothing_is_missing_and_one_more_proof_never_hurts(
    channel: str, capacity: str, subject: str, sensitivity: str, facts: dict[str, Any]
) -> None:
    claim = Claim(channel, capacity, subject, sensitivity, facts)
    verdict = judge(TABLE, claim, today=TODAY)
    assert verdict.verified is (not verdict.missing and not verdict.closed)
    assert all(step.answer == "yes" for step in verdict.checked) is (verdict.verified or bool(verdict.closed))
    for name in TABLE.elements:
        if name not in facts:
            more = judge(TABLE, Claim(channel, capacity, subject, sensitivity, {**facts, name: True}), today=TODAY)
            assert more.verified or not verdict.verified


@given(st.fixed_dictionaries({}, optional=FACTS))
def test_nothing_proves_anything_by_telephone(facts: dict[str, Any]) -> None:
    verdict = judge(TABLE, Claim("telephone", "self", "customer", "ordinary", facts), today=TODAY)
    assert verdict.closed
    assert not verdict.verified


@pytest.mark.req("S1-107", "S1-110")
@pytest.mark.parametrize(
    ("text", "identity", "offence"),
    [
        (("I certify that I am the individual I claim to be and I understand that THE KNOWING AND WILLFUL request for,\n"
          "or acquisition of, a record pertaining to another individual under false pretenses is a criminal offense."),
         True, True),
        ("I am the individual I claim to be.", True, False),
        ("I understand that the knowing and willful request for a record under false pretenses is a criminal offense.",
         False, False),
        (("I understand that the knowing request for, or acquisition of, a record pertaining to another individual under "
          "false pretenses is a criminal offense. I am the individual I claim to be."), True, False),
        ("", False, False),
    ],
)  # fmt: skip
def test_a_certification_holds_its_clauses_word_for_word(text: str, identity: bool, offence: bool) -> None:
    assert certified(TABLE, text) == {"certification.identity": identity, "certification.offence": offence}


def test_an_official_cannot_state_what_the_service_finds() -> None:
    given_facts: dict[str, FactValue] = {
        "certification.offence": True,
        "token.level": 3,
        "particulars.given": True,
        "no-such": "x",
    }
    assert [w.field for w in wrong_facts(TABLE, given_facts)] == ["evidence.facts"] * 4


def test_a_persons_number_is_no_mark_of_a_paper() -> None:
    wrong = list(wrong_facts(TABLE, {"written-request": "219-09-9999"}))
    assert [(w.field, "219" in w.message) for w in wrong] == [("evidence.facts.written-request", False)]


def test_a_table_that_asks_for_something_undefined_does_not_load() -> None:
    document = TABLE.model_dump()
    del document["elements"]["notarised-statement"]
    with pytest.raises(ValueError, match="notarised-statement"):
        IdentityTable.model_validate(document)
