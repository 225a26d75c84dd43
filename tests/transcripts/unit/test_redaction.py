"""What is taken out of texts, and what a copy says: nothing of it, in no form, and no way back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.ids import new_id
from common.pii.particulars import Person
from common.pii.taxonomy import load
from common.pii.third_persons import Entry
from transcripts.redaction import MARK, Place, findings, person_called, still_there, without
from transcripts.releases import elements, rendition
from transcripts.releases.rendition import Plan, flatten, work

CUSTOMER, EMPLOYEE = str(new_id()), str(new_id())


def entry(seq: int, kind: str, pii: dict[str, str], who: str = CUSTOMER, **more: Any) -> dict[str, Any]:
    role = "customer" if who == CUSTOMER else "agent"
    ids = {"session_id": str(new_id()), "entry_id": str(new_id()), "commitment": "c" * 64, "digest": "d" * 64}
    at = f"2026-03-02T12:00:{seq:02}.000000Z"
    salted = pii | {"salt": "5" * 32}
    return {"seq": seq, "kind": kind, "role": role, "participant_id": who, "at": at, "pii": salted} | ids | more


def talk(*texts: str) -> list[dict[str, Any]]:
    opened = entry(1, "opened", {"account_id": "customer-1", "display_name": "Quirina Telltale"}, chat_topic="benefits")
    joined = entry(2, "joined", {"pin": "100001", "display_name": "Ms. Rivera"}, EMPLOYEE, office="S01")
    posted = [entry(n, "posted", {"text": t}, CUSTOMER if n % 2 else EMPLOYEE) for n, t in enumerate(texts, 3)]
    return [opened, joined, *posted]


@given(
    st.text(max_size=60),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=5),
)
def test_what_stands_in_a_place_is_gone_and_the_rest_is_as_it_was(text: str, cuts: list[tuple[int, int]]) -> None:
    places = [Place(1, min(s, len(text)), min(s + n, len(text)), "name") for s, n in cuts]
    places = [p for p in places if p.start < p.end]
    taken = {n for p in places for n in range(p.start, p.end)}
    left = "".join(c for n, c in enumerate(text) if n not in taken)
    clean = without(text.replace("[", "("), places)
    assert clean.replace(MARK, "") == left.replace("[", "(")
    assert clean.count(MARK) <= len(places)


def test_for_the_person_other_people_are_found_and_for_others_everybody() -> None:
    text = [Entry(3, "I am Quirina Telltale, 219-09-9999; my sister Wilhelmina Zebra called 212-555-0147")]
    customer = person_called("Quirina Telltale", "customer").model_copy(update={"ssn": "219-09-9999"})
    sister = Person(id="other-0", given=("Wilhelmina",), family="Zebra")
    kinds = load()
    own = {text[0].text[p.start : p.end] for p in findings(text, customer, [sister], kinds, audience="person")}
    assert {"Wilhelmina", "Zebra"} <= own
    assert not {"Quirina", "Telltale", "219-09-9999"} & own
    every = {text[0].text[p.start : p.end] for p in findings(text, customer, [sister], kinds, audience="others")}
    assert {"Wilhelmina", "Zebra", "Quirina", "Telltale", "219-09-9999"} <= every


@pytest.mark.req("S2-022")
def test_a_number_that_was_sent_in_parts_is_found_in_each_of_them() -> None:
    texts = [Entry(3, "It is 219"), Entry(4, "09"), Entry(5, "9999, thanks"), Entry(6, "I got 12 letters")]
    found = findings(texts, Person(id="customer"), [], load(), audience="others")
    said = {text.seq: text.text for text in texts}
    assert [(p.seq, said[p.seq][p.start : p.end]) for p in found] == [(3, "219"), (4, "09"), (5, "9999")]


@pytest.mark.parametrize("written", ["blue bird", "BLUE-BIRD", "Blüebird", "the bluebird's"])
def test_a_value_is_found_again_however_it_is_written(written: str) -> None:
    assert still_there(["bluebird"], [(7, f"and {written} again"), (8, "blue sky, bird")]) == [7]
    assert still_there(["no", "1"], [(7, "no 1")]) == [], "too short to tell anything"


@pytest.mark.req("S2-022", "S2-023")
def test_the_second_generation_holds_nothing_that_leads_back() -> None:
    contents = talk("My number is 219-09-9999", "Thank you")
    cut = [Place(3, 13, 24, "social-security-number")]
    working = work(contents, Plan("redacted", "others", cut=cut))
    assert working.document["lines"][2]["taken_out"] == [{"start": 13, "kind": "social-security-number"}]
    flat = flatten(working, new_id())
    assert flat.digest != working.digest
    said = flat.content.decode()
    for content in contents:
        for name in ("session_id", "entry_id", "participant_id", "commitment", "digest"):
            assert content[name] not in said
    assert not [v for v in ("219-09", "5" * 32, "customer-1", "100001", "taken_out", "Telltale") if v in said]
    assert json.loads(said)["lines"][2]["text"] == f"My number is {MARK}"
    longer = talk("My number is 219-09-9999-000000000", "Thank you")
    other = flatten(work(longer, Plan("redacted", "others", cut=[Place(3, 13, 34, "x")])), new_id())
    assert len(other.content) == len(flat.content), "the mark says nothing of the length"


@pytest.mark.parametrize("named", [(), ("employee-answers",), ("benefits", "name"), ("employee-pin", "time-and-topic")])
def test_only_named_elements_stand_in_a_copy(named: tuple[str, ...]) -> None:
    contents = talk("My cheque of 900 did not come", "It was sent on Monday")
    plan = Plan("redacted", "others", named=frozenset(named), labels={3: "benefits"})
    lines = {line["line"]: line for line in work(contents, plan).document["lines"]}
    assert ("text" in lines[3]) == (not named or "benefits" in named)
    assert ("text" in lines[4]) == (not named or "employee-answers" in named)
    assert ("name" in lines[1]) == ("name" in named)
    assert ("pin" in lines[2]) == ("employee-pin" in named)
    assert ("at" in lines[1]) == (not named or "time-and-topic" in named)
    assert ("topic" in work(contents, plan).document) == (not named or "time-and-topic" in named)


def test_kinds_that_nobody_named_stay_behind_whatever_a_reviewer_would_keep() -> None:
    kinds = ["social-security-number", "personal-telephone", "name"]
    assert elements.kinds_that_stay(kinds, ("name",)) == {"social-security-number", "personal-telephone"}
    assert elements.kinds_that_stay(kinds, ()) == set()


def test_a_line_with_tax_information_says_nothing_at_all() -> None:
    contents = talk("31,112 by the tax office", "I see")
    lines = work(contents, Plan("redacted", "others", withheld=frozenset({3}))).document["lines"]
    assert lines[2] == {"line": 3, "withheld": rendition.TAX}


def test_what_was_let_stand_with_a_reason_is_no_leak() -> None:
    contents = talk("Rose is my name", "A rose is a rose")
    cut, kept = [Place(3, 0, 4, "name")], [Place(4, 2, 6, "name")]
    assert work(contents, Plan("redacted", "others", cut=cut)).leaks == [4]
    assert work(contents, Plan("redacted", "others", cut=cut, kept=kept)).leaks == []


@pytest.mark.parametrize("named", [(), ("name", "employee-answers"), ("employee-answers", "employee-display-name")])
def test_who_acts_for_the_customer_is_a_third_person_to_others(named: tuple[str, ...]) -> None:
    representative: dict[str, Any] = {"who": str(new_id()), "role": "representative"}
    came = {"account_id": "account-of-bea", "display_name": "Bea Guardian"}
    contents = [
        *talk("Hello", "Good morning"),
        entry(5, "accompanied", came, **representative),
        entry(6, "posted", {"text": "I speak for him"}, **representative),
    ]
    lines = work(contents, Plan("redacted", "others", named=frozenset(named))).document["lines"]
    assert "Bea" not in str(lines)
    assert "account-of-bea" not in str(lines)
    assert [line["who"] for line in lines] == [
        "customer", "employee 1", "customer", "employee 1", "representative 1", "representative 1",
    ]  # fmt: skip
    assert ("text" in lines[5]) == (not named), "their words are no answer of the agency's"
    own = str(work(contents, Plan("redacted", "person")).document["lines"])
    assert "Bea Guardian" in own
    assert "account-of-bea" not in own
