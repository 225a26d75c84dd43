"""What may be said: the table of cases, markings, and what is masked."""

import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from chat_gateway.saying import check as checking
from chat_gateway.saying import markings
from chat_gateway.saying.check import Listener, check, rules
from chat_gateway.saying.markings import marking_in
from chat_gateway.saying.masking import MARK, hidden_in, masked
from common.pii.detection import find
from common.pii.folding import fold
from common.pii.outbound import Agency
from common.pii.taxonomy import load

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "rules-cases.yaml").read_text("utf-8"))
AGENCY = Agency(contacts=("202-555-0199",))


@pytest.mark.req("S2-045", "S2-057")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['says'][:30]} to {case.get('to', 'proven')}")
def test_the_rules_say_what_the_cases_say(case: dict[str, Any]) -> None:
    listener = Listener(case.get("to", "proven"), "Ana Lopez", case.get("accompanied", False))
    answer = check(case["says"], listener, AGENCY)
    assert [broken.rule.id for broken in answer.broken] == case["breaks"]
    assert answer.verdict == ("allow" if not case["breaks"] else case.get("verdict", "block"))
    if case["breaks"]:
        excusing = {reason for reason in rules().reasons if answer.excused_by(reason)}
        assert set(case.get("excused_by", [])) <= excusing
        assert answer.verdict == "warn" or not excusing
        assert not answer.excused_by(None)


def test_every_rule_is_broken_by_a_case() -> None:
    assert {rule.id for rule in rules().rules} == {rule for case in CASES for rule in case["breaks"]}


def test_what_a_rule_says_never_repeats_the_words() -> None:
    broken = check("Is 219-09-9999 your number?", Listener("proven"), AGENCY).broken
    assert broken[0].places == ((3, 14),)
    assert "219" not in repr(broken[0].rule)


MARKED = st.sampled_from(
    ["SECRET", "secret", "TOP SECRET", "CONFIDENTIAL", "//", "NOFORN", "(S//NF)", "(C)", "(TS)", "\n", "Classified by: me", "words",
     "DERIVED FROM: x", "declassify on: y", "downgrade to: z", "\uff33ECRET"]
)  # fmt: skip


@given(st.lists(MARKED, max_size=6), st.sampled_from([" ", "\n", ""]))
def test_the_quick_look_misses_no_marking(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    with patch.object(markings, "_may_be_marked", lambda _: True):
        thorough = marking_in(text)
    assert marking_in(text) == thorough


PIECES = st.sampled_from(
    ["219-09-9999", "born on 3/4/1950", "12 Elm Street", "4111 1111 1111 1111", "mother's maiden name: Oak", "a@b.example",
     "place of birth: Springfield", "P.O. Box 17", "(202) 555-0143", "nothing", "Ana", "\uff12\uff11\uff19-09-9999", ". ", "\u200b"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=6))
def test_the_quick_look_misses_nothing_that_is_protected(pieces: list[str]) -> None:
    text = " ".join(pieces)
    protected = load().of_class("protected")
    if any(f.kind in protected for f in find(text, "text", (), load())):
        assert checking.may_identify(fold(text).text)


@given(st.lists(PIECES, max_size=6))
def test_masked_text_holds_nothing_protected_and_everything_else(pieces: list[str]) -> None:
    text = " ".join(pieces)
    places = hidden_in(text, load())
    shown = masked(text, places)
    protected = load().of_class("protected")
    assert not any(f.kind in protected for f in find(shown, "text", (), load()))
    for place in reversed(places):
        assert shown[place.at : place.at + len(MARK)] == MARK
        shown = shown[: place.at] + text[place.start : place.end] + shown[place.at + len(MARK) :]
    assert shown == text


@pytest.mark.req("S1-010")
@pytest.mark.parametrize(
    "text",
    [
        "SECRET//NOFORN",
        "TOP SECRET//SI//NOFORN\nthe plan\nTOP SECRET//SI//NOFORN",
        "TOP SECRET",
        "SECRET\nThe convoy leaves at nine.\nSECRET",
        "see below\n(S//NF) The convoy leaves at nine.",
        "(TS) The convoy",
        "Classified By: J. Doe\nDerived From: Guide 4\nDeclassify On: 20501231",
        "\uff33\uff25\uff23\uff32\uff25\uff34//\uff2e\uff2f\uff26\uff2f\uff32\uff2e",
        "*** CONFIDENTIAL//REL TO USA, GBR ***",
    ],
)
def test_a_marking_of_classified_text_is_recognised(text: str) -> None:
    assert marking_in(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "This is my secret.",
        "SECRET",
        "Please keep this CONFIDENTIAL, it is about my health.",
        "(C) the third one, and (S) for the spouse",
        "https://example.test/SECRET-GARDEN//page",
        "My job was Top Secret for years and I got sick from it.",
        "Declassify on: what does that mean on my old papers?",
        "",
    ],
)
def test_who_only_speaks_of_secrets_marks_nothing(text: str) -> None:
    assert marking_in(text) is None


WORDS = st.sampled_from(
    ["his", "father's", "the claimant", "you", "filed", "was approved", "claim", "cases", "is", "your", "we found a", "record", "send it",
     "by e-mail", "document", "correo electrónico", "hay un", "expediente", "su caso", "está", ". ", "\n", "xhis", "claims's"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=6))
def test_phrases_looked_for_together_are_found_where_each_of_them_is(pieces: list[str]) -> None:
    text = " ".join(pieces).casefold()
    for rule in rules().rules:
        alone = any(re.search(phrase, text) for phrase in rule.phrases)
        assert alone == bool(rule.pattern and rule.pattern.search(text))


@pytest.mark.parametrize(
    "phrases", [[r"\bone|two", "three"], [r"\b(?:one|\)two)|three"], [r"\b[)]one|two"], ["one", r"\btwo"]]
)
def test_only_what_stands_at_the_edge_of_a_word_shares_it(phrases: list[str]) -> None:
    together = checking.any_of(phrases)
    for text in ("one", "two", "xone", "xtwo", "three", ")two", ")one", "xthree", ""):
        assert bool(together.search(text)) == any(re.search(phrase, text) for phrase in phrases)
