"""May these records leave? Rules and facts in, a decision with its reasons out. Nothing is loaded, stored or sent here.

Each element is answered yes, no or not shown. One no denies. Without a no, anything not shown leaves the question
undecided, and undecided never acts as allow (invariant 5). The bar on tax return information comes first and works line
by line: what it holds back stays, the rest may go. The same rules, facts and moment give the same decision.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from common.contracts.disclosure import FactValue
from disclosure.model import (
    ANYONE,
    BASIS,
    COMPANIONS,
    ELEMENTS,
    ELEMENTS_MEDICAL,
    PURPOSE,
    RECIPIENT_KIND,
    RECIPIENT_STANDING,
    REQUEST,
    Basis,
    Element,
    Kind,
    Notice,
    RefusedBasis,
    RoutineUse,
)
from disclosure.published import Lack, lacks
from disclosure.question import Answer, Decision, Outcome, Question, Rules, Step, read_day, read_elements

AGENCY_TIME = ZoneInfo("America/New_York")
"""Legal days begin and end at the agency's seat."""

TAX_INFORMATION = "tax.return-information"
TAX_SPANS = "tax.spans"
ORIGINAL_LAYER = "original"

_LACKS: Mapping[Lack, tuple[str, str]] = {
    "published": ("Was the routine use published in the Federal Register?", "5 U.S.C. 552a(e)(4)(D)"),
    "comment-period-over": ("Are the 30 days over in which the public could comment on it?", "5 U.S.C. 552a(e)(11)"),
    "reported-to-omb": ("Was the Office of Management and Budget told of it?", "5 U.S.C. 552a(r)"),
    "reported-to-congress": ("Was Congress told of it?", "5 U.S.C. 552a(r)"),
    "in-force": ("Is the routine use in force on the day of the decision?", "5 U.S.C. 552a(e)(4), (e)(11)"),
}


def evaluate(rules: Rules, question: Question, *, at: datetime) -> Decision:
    """Decide a question under these rules at this moment.

    Args:
        at: aware; decides which day it is at the agency's seat.

    Raises:
        KeyError: the basis is none of the rules' bases (callers check that first and name the field).
    """
    if (refused := rules.refused.get(question.basis)) is not None:
        return _conclude(rules, question, (_refusal(refused),), at, None)
    day = agency_day(at)
    notice, basis = rules.notice, rules.bases[question.basis]
    facts = _with_own_facts(notice, question)
    shown = _Shown(facts, day, notice)
    bar = [e for e in notice.bar if _applies(e, facts)]
    asked = [e for e in (*notice.common, *basis.elements) if _applies(e, facts)]
    steps = (
        *(_step(e, _answer(e, shown)) for e in bar),
        *_frame(notice, basis, question, day),
        *(_step(e, _answer(e, shown)) for e in asked),
        *_records(notice, question),
    )
    return _conclude(rules, question, steps, at, _last_day(asked, facts))


def agency_day(at: datetime) -> date:
    """The calendar day at the agency's seat."""
    return at.astimezone(AGENCY_TIME).date()


def end_of_day(day: date) -> datetime:
    """The moment (UTC) at which this day ends at the agency's seat."""
    return datetime.combine(day + timedelta(days=1), time(), AGENCY_TIME).astimezone(UTC)


def layer_obstacle(question: Question, decision: Decision, layer: str) -> str | None:
    """The fact that keeps this layer of an allowed transcript from going, or None.

    Where tax return information is withheld, the original, which holds it, may not go (26 U.S.C. 6103).
    """
    held_back = question.facts.get(TAX_INFORMATION) == "withheld" or bool(decision.withheld)
    return TAX_INFORMATION if held_back and layer == ORIGINAL_LAYER else None


def _with_own_facts(notice: Notice, question: Question) -> dict[str, FactValue]:
    """The facts, and what the service itself knows. Known lines with return information outweigh any word about them."""
    facts = dict(question.facts)
    facts[BASIS] = question.basis
    facts[RECIPIENT_KIND] = question.recipient_kind
    facts[RECIPIENT_STANDING] = notice.recipients[question.recipient_kind].standing
    facts[PURPOSE] = question.purpose
    facts[REQUEST] = str(question.request_id)
    if question.spans:
        facts[TAX_INFORMATION] = "included"
        facts[TAX_SPANS] = "listed"
    elif facts.get(TAX_INFORMATION) == "included":
        facts.pop(TAX_SPANS, None)
    if named := read_elements(facts.get(ELEMENTS)):
        known = notice.record_elements
        facts[ELEMENTS_MEDICAL] = "yes" if any(known[n].medical for n in named if n in known) else "no"
    return facts


def _frame(notice: Notice, basis: Basis, question: Question, day: date) -> Iterator[Step]:
    """What stands around every basis: may it be used, and are recipient and purpose those it was made for?"""
    if isinstance(basis, RoutineUse):
        yield from _publication(notice, basis, day)
    recipient = notice.recipients[question.recipient_kind]
    if recipient.standing == "inside":
        yield Step(
            fact=RECIPIENT_STANDING,
            asks="Does the recipient stand outside the agency? Its own staff read by need to know, and nothing is released.",
            citation="5 U.S.C. 552a(b)(1)",
            answer="no",
        )
    yield Step(
        fact=RECIPIENT_KIND,
        asks="Is the recipient of a kind that is named there?",
        citation=f"{basis.citation}, recipients",
        answer=_so(question.recipient_kind in basis.recipients or ANYONE in basis.recipients),
    )
    yield Step(
        fact=PURPOSE,
        asks="Is the purpose one that disclosure is permitted for?",
        citation=f"{basis.citation}; 5 U.S.C. 552a(b)",
        answer=_so(question.purpose in basis.purposes),
    )


def _publication(notice: Notice, use: RoutineUse, day: date) -> Iterator[Step]:
    missing = lacks(notice.publication_of(use), use.effective_on, day)
    for lack, (asks, citation) in _LACKS.items():
        yield Step(
            fact=f"{use.id}.{lack}",
            asks=asks,
            citation=f"{notice.citation}, dates; {citation}",
            answer=_so(lack not in missing),
        )


def _records(notice: Notice, question: Question) -> Iterator[Step]:
    """Every record asked for is a sealed transcript of this system. One not heard of yet may still be on its way."""
    if notice.records == "named":
        return
    for transcript_id in question.transcript_ids:
        yield Step(
            fact=f"transcript.{transcript_id}",
            asks="Is there a sealed transcript of this id in the system?",
            citation=f"{notice.system}, categories of records",
            answer="yes" if transcript_id in question.sealed else "not-shown",
        )


def _refusal(basis: RefusedBasis) -> Step:
    return Step(fact=f"basis.{basis.id}", asks=basis.because, citation=basis.citation, answer="no")


def _applies(element: Element, facts: Mapping[str, FactValue]) -> bool:
    for fact, values in element.when.items():
        if facts.get(fact) not in values:
            return False
    return not any(facts.get(fact) in values for fact, values in element.unless.items())


def _step(element: Element, answer: Answer) -> Step:
    return Step(element.fact, element.asks, element.citation, answer, element.letter)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Everything that an answer may depend on."""

    facts: Mapping[str, FactValue]
    day: date
    notice: Notice


def _answer(element: Element, shown: _Shown) -> Answer:
    """A value of another type than the element asks for shows nothing."""
    if isinstance(element.accepts, tuple):
        value = shown.facts.get(element.fact)
        return _so(value in element.accepts) if value and isinstance(value, str) else "not-shown"
    return _ANSWERS[element.accepts](element, shown)


def _answer_finding(element: Element, shown: _Shown) -> Answer:
    value = shown.facts.get(element.fact)
    return _so(value) if isinstance(value, bool) else "not-shown"


def _answer_signed(element: Element, shown: _Shown) -> Answer:
    """A finding serves the request it was made for, from the day it was made, if it is signed in every part."""
    facts, fact = shown.facts, element.fact
    request, by, role, on, record = (facts.get(f"{fact}.{part}") for part in COMPANIONS)
    found, made_on = facts.get(fact), read_day(on)
    if not isinstance(found, bool) or not (request and by and role and record and made_on):
        return "not-shown"
    return _so(found and request == facts[REQUEST] and made_on <= shown.day)


def _answer_reference(element: Element, shown: _Shown) -> Answer:
    value = shown.facts.get(element.fact)
    return "yes" if isinstance(value, str) and value else "not-shown"


def _answer_recipient(element: Element, shown: _Shown) -> Answer:
    value = shown.facts.get(element.fact)
    return _so(value == shown.facts[RECIPIENT_KIND]) if isinstance(value, str) and value else "not-shown"


def _answer_reached(element: Element, shown: _Shown) -> Answer:
    said = read_day(shown.facts.get(element.fact))
    return "not-shown" if said is None else _so(said <= shown.day)


def _answer_not_passed(element: Element, shown: _Shown) -> Answer:
    said = read_day(shown.facts.get(element.fact))
    return "not-shown" if said is None else _so(said >= shown.day)


def _answer_named(element: Element, shown: _Shown) -> Answer:
    named = read_elements(shown.facts.get(element.fact))
    return _so(all(code in shown.notice.record_elements for code in named)) if named else "not-shown"


def _answer_covered(element: Element, shown: _Shown) -> Answer:
    named, covered = read_elements(shown.facts.get(ELEMENTS)), read_elements(shown.facts.get(element.fact))
    return _so(named <= covered) if named and covered else "not-shown"


_ANSWERS: Mapping[Kind, Callable[[Element, _Shown], Answer]] = {
    "finding": _answer_finding,
    "signed-finding": _answer_signed,
    "reference": _answer_reference,
    "day-reached": _answer_reached,
    "day-not-passed": _answer_not_passed,
    "recipient-kind": _answer_recipient,
    "elements-named": _answer_named,
    "elements-covered": _answer_covered,
}


def _last_day(asked: list[Element], facts: Mapping[str, FactValue]) -> date | None:
    days = (read_day(facts.get(e.fact)) for e in asked if e.accepts == "day-not-passed")
    return min((day for day in days if day is not None), default=None)


def _conclude(
    rules: Rules, question: Question, steps: tuple[Step, ...], at: datetime, holds_until: date | None
) -> Decision:
    answers = {step.answer for step in steps}
    outcome: Outcome = "deny" if "no" in answers else "undecided" if "not-shown" in answers else "allow"
    missing = tuple(s.fact for s in steps if s.answer == "not-shown") if outcome == "undecided" else ()
    if outcome != "allow":
        return Decision(outcome, rules.version, steps, missing, at, None)
    return Decision(
        outcome, rules.version, steps, missing, at, holds_until, tuple(s for s in question.spans if not s.may_go)
    )


def _so(true: object) -> Answer:
    return "yes" if true else "no"
