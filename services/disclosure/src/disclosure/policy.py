"""May these records leave? Rules and facts in, a decision with its reasons out. Nothing is loaded, stored or sent here.

Each element is answered yes, no or not shown. One no denies. Without a no, anything not shown leaves the question
undecided, and undecided never acts as allow (invariant 5). The same rules, facts and moment give the same decision.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from common.contracts.disclosure import FactValue
from disclosure.model import (
    PURPOSE,
    RECIPIENT_KIND,
    RECIPIENT_STANDING,
    Answer,
    Decision,
    Element,
    Kind,
    Notice,
    Outcome,
    Question,
    RefusedBasis,
    RoutineUse,
    Rules,
    Step,
    read_day,
)

AGENCY_TIME = ZoneInfo("America/New_York")
"""Legal days begin and end at the agency's seat."""

TAX_INFORMATION = "tax.return-information"
ORIGINAL_LAYER = "original"


def evaluate(rules: Rules, question: Question, *, at: datetime) -> Decision:
    """Decide a question under these rules at this moment.

    Args:
        at: aware; decides which day it is at the agency's seat.

    Raises:
        KeyError: the basis is none of the rules' bases (callers check that first and name the field).
    """
    day = agency_day(at)
    notice = rules.notice
    refused = {basis.id: basis for basis in notice.refused}
    if question.basis in refused:
        return _conclude(rules, (_refusal(refused[question.basis]),), at, None)
    use = {u.id: u for u in notice.routine_uses}[question.basis]
    facts = _with_own_facts(notice, question)
    asked = [e for e in (*notice.common, *use.elements) if _applies(e, facts)]
    steps = (
        *_frame(notice, use, question, day),
        *(_step(e, _answer(e, facts.get(e.fact), day, question)) for e in asked),
        *_records(notice, question),
    )
    return _conclude(rules, steps, at, _last_day(asked, facts))


def agency_day(at: datetime) -> date:
    """The calendar day at the agency's seat."""
    return at.astimezone(AGENCY_TIME).date()


def end_of_day(day: date) -> datetime:
    """The moment (UTC) at which this day ends at the agency's seat."""
    return datetime.combine(day + timedelta(days=1), time(), AGENCY_TIME).astimezone(UTC)


def layer_obstacle(facts: Mapping[str, FactValue], layer: str) -> str | None:
    """The fact that keeps this layer of an allowed transcript from going, or None.

    Where tax return information is said to be withheld, the original, which holds it, may not go (26 U.S.C. 6103).
    """
    return TAX_INFORMATION if facts.get(TAX_INFORMATION) == "withheld" and layer == ORIGINAL_LAYER else None


def _with_own_facts(notice: Notice, question: Question) -> dict[str, FactValue]:
    standing = notice.recipients[question.recipient_kind].standing
    own: dict[str, FactValue] = {
        RECIPIENT_KIND: question.recipient_kind,
        RECIPIENT_STANDING: standing,
        PURPOSE: question.purpose,
    }
    return {**question.facts, **own}


def _frame(notice: Notice, use: RoutineUse, question: Question, day: date) -> Iterator[Step]:
    """What stands around every routine use: is it in force, and are recipient and purpose those it was published for."""
    recipient = notice.recipients[question.recipient_kind]
    yield Step(
        fact=f"{use.id}.in-force",
        asks=f"Is the routine use in force on the day of the decision? It takes effect on {use.effective_on}.",
        citation=f"{notice.citation}, dates; 5 U.S.C. 552a(e)(4), (e)(11)",
        answer=_so(max(use.effective_on, notice.effective_on) <= day),
    )
    if recipient.standing == "inside":
        yield Step(
            fact=RECIPIENT_STANDING,
            asks="Does the recipient stand outside the agency? Its own staff read by need to know, and nothing is released.",
            citation="5 U.S.C. 552a(b)(1)",
            answer="no",
        )
    yield Step(
        fact=RECIPIENT_KIND,
        asks="Is the recipient of a kind that the routine use names?",
        citation=f"{use.citation}, recipients",
        answer=_so(question.recipient_kind in use.recipients),
    )
    yield Step(
        fact=PURPOSE,
        asks="Is the purpose one that the routine use was published for?",
        citation=f"{use.citation}; 5 U.S.C. 552a(b)(3)",
        answer=_so(question.purpose in use.purposes),
    )


def _records(notice: Notice, question: Question) -> Iterator[Step]:
    """Every record asked for is a sealed transcript of this system. One not heard of yet may still be on its way."""
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
    return all(facts.get(fact) in values for fact, values in element.when.items())


def _step(element: Element, answer: Answer) -> Step:
    return Step(fact=element.fact, asks=element.asks, citation=element.citation, answer=answer, letter=element.letter)


def _answer(element: Element, value: FactValue | None, day: date, question: Question) -> Answer:
    """A value of another type than the element asks for shows nothing."""
    accepts = element.accepts
    if accepts == "finding":
        return _so(value) if isinstance(value, bool) else "not-shown"
    if not isinstance(value, str) or not value:
        return "not-shown"
    if isinstance(accepts, tuple):
        return _so(value in accepts)
    if accepts == "reference":
        return "yes"
    if accepts == "this-request":
        return _so(value == str(question.request_id))
    return _answer_day(accepts, read_day(value), day)


def _answer_day(accepts: Kind, said: date | None, day: date) -> Answer:
    if said is None:
        return "not-shown"
    return _so(said <= day if accepts == "day-reached" else said >= day)


def _last_day(asked: list[Element], facts: Mapping[str, FactValue]) -> date | None:
    days = [read_day(str(facts[e.fact])) for e in asked if e.accepts == "day-not-passed" and e.fact in facts]
    return min((day for day in days if day is not None), default=None)


def _conclude(rules: Rules, steps: tuple[Step, ...], at: datetime, holds_until: date | None) -> Decision:
    answers = {step.answer for step in steps}
    outcome: Outcome = "deny" if "no" in answers else "undecided" if "not-shown" in answers else "allow"
    missing = tuple(s.fact for s in steps if s.answer == "not-shown") if outcome == "undecided" else ()
    return Decision(outcome, rules.version, steps, missing, at, holds_until if outcome == "allow" else None)


def _so(true: object) -> Answer:
    return "yes" if true else "no"
