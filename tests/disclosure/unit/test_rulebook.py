"""The rules as data: closed, dated, cited, in our own words; text that does not hold together is refused."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from disclosure import rulebook
from disclosure.model import Notice
from disclosure.published import COMMENT_PERIOD
from tests.disclosure.cases import USES

Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> str:
    document = json.loads(rulebook.current().document)
    change(document)
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


@pytest.mark.req("S1-042")
def test_there_are_exactly_the_twelve_published_routine_uses() -> None:
    assert sorted(u.id for u in rulebook.current().notice.routine_uses) == sorted(USES)


def test_the_notice_s_letters_are_all_there() -> None:
    letters = {u.id: "".join(u.letters) for u in rulebook.current().notice.routine_uses if u.letters}
    assert letters == {"routine-use-3": "abcd", "routine-use-6": "ab", "routine-use-8": "abc", "routine-use-9": "ab"}
    joined = {u.id: u.letters_joined_by for u in rulebook.current().notice.routine_uses if u.letters}
    assert joined == {"routine-use-3": "or", "routine-use-6": "or", "routine-use-8": "and", "routine-use-9": "or"}


def test_letters_joined_by_or_are_chosen_and_letters_joined_by_and_are_all_asked() -> None:
    for use in rulebook.current().notice.routine_uses:
        for element in (e for e in use.elements if e.letter):
            chosen = element.when.get("letter")
            assert chosen == ((element.letter,) if use.letters_joined_by == "or" else None)


@pytest.mark.parametrize("basis", USES)
def test_a_routine_use_cites_its_place_in_each_element(basis: str) -> None:
    use = next(u for u in rulebook.current().notice.routine_uses if u.id == basis)
    number = basis.removeprefix("routine-use-")
    assert use.citation == f"60-0383, routine use {number}"
    for element in use.elements:
        assert re.match(rf"60-0383, routine use {number}(?!\d)", element.citation)


@pytest.mark.req("S1-005")
@pytest.mark.parametrize("basis", USES)
def test_a_routine_use_that_leaves_no_thirty_days_for_comment_is_refused(basis: str) -> None:
    notice = rulebook.current().notice
    published_on = notice.publications[0].published_on
    assert published_on is not None
    earliest = published_on + COMMENT_PERIOD

    def take_effect(day: str) -> Change:
        return lambda d: next(u for u in d["routine_uses"] if u["id"] == basis).update(effective_on=day)

    assert rulebook.rules_from(changed(take_effect(earliest.isoformat())))
    with pytest.raises(ValidationError, match=f"{basis} takes effect before the 30 days"):
        rulebook.rules_from(changed(take_effect((earliest - timedelta(days=1)).isoformat())))


BROKEN: dict[str, tuple[Change, str]] = {
    "defined twice": (lambda d: d["routine_uses"].append(d["routine_uses"][0]), "defined twice"),
    "a recipient nobody knows": (lambda d: d["routine_uses"][0]["recipients"].append("nobody"), "unknown kinds"),
    "a letter it does not list": (lambda d: d["routine_uses"][0]["elements"][0].update(letter="a"), "letters"),
    "a condition it never asks for": (
        lambda d: d["routine_uses"][0]["elements"][0].update(when={"unasked": ["a"]}),
        "conditions",
    ),
    "an element without citation": (lambda d: d["routine_uses"][0]["elements"][0].pop("citation"), "citation"),
    "a word the rules do not have": (lambda d: d["routine_uses"][0].update(exception="any"), "exception"),
    "another reading of the rules": (lambda d: d.update(semantics=3), "semantics"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_rules_that_do_not_hold_together_are_refused(broken: str) -> None:
    change, says = BROKEN[broken]
    with pytest.raises(ValidationError, match=says):
        rulebook.rules_from(changed(change))


def test_the_version_changes_with_the_text() -> None:
    rules = rulebook.current()
    assert rulebook.rules_from(rules.document).version == rules.version
    assert rules.version.startswith("60-0383/2017+")
    other = rulebook.rules_from(changed(lambda d: d["routine_uses"][0]["elements"][0].update(asks="Is it so, really?")))
    assert other.version != rules.version


def test_a_fact_means_the_same_wherever_it_is_asked() -> None:
    kinds: dict[str, set[str]] = {}
    for element in rulebook.current().notice.elements():
        kind = "code" if isinstance(element.accepts, tuple) else element.accepts
        kinds.setdefault(element.fact, set()).add(kind)
    assert {fact: kind for fact, kind in kinds.items() if len(kind) > 1} == {}


@pytest.mark.req("S1-120")
def test_the_first_version_of_the_notice_replaced_none() -> None:
    assert rulebook.current().notice.previous is None
    with pytest.raises(ValidationError, match="previous"):
        Notice.model_validate_json(changed(lambda d: d.pop("previous")))


def test_no_exemption_is_claimed() -> None:
    assert rulebook.current().notice.exemptions == ()
