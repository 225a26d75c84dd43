"""Would it pass today? A past decision made again under the rules of today, and what is different, element by element."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from disclosure import policy, repository
from disclosure.question import Answer, Outcome, Rules, Step
from disclosure.tables import DecisionRow, DisclosureRequest

Answered = Answer | Literal["not-asked"]


@dataclass(frozen=True, slots=True)
class Change:
    """An element that is answered otherwise, is asked anew, or is asked no more."""

    fact: str
    asks: str
    citation: str
    then: Answered
    now: Answered


@dataclass(frozen=True, slots=True)
class Compared:
    """A decision then and now. `outcome_now` is None where today's rules do not know its basis, recipient or purpose."""

    decision_id: UUID
    request_id: UUID
    basis: str
    decided_at: datetime
    rule_version_then: str
    rule_version_now: str
    outcome_then: str
    outcome_now: Outcome | None = None
    same: bool = True
    missing_now: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    because: str = ""


def again(rules: Rules, row: DecisionRow, request: DisclosureRequest, *, at: datetime) -> Compared:
    """Decide on the facts that were stored, under these rules, at this moment. Nothing is stored and nothing changes.

    Args:
        at: today, or the moment of the decision itself: then only what the rules changed is different.
    """
    alike = Compared(
        decision_id=row.id,
        request_id=row.request_id,
        basis=request.basis,
        decided_at=row.decided_at,
        rule_version_then=row.rule_version,
        rule_version_now=rules.version,
        outcome_then=row.outcome,
    )
    if unknown := _unknown(rules, request):
        return replace(alike, same=False, because=f"today's rules do not know this {unknown}")
    question = repository.question_of(request, row.facts, frozenset(row.sealed), repository.spans_of(row))
    decision = policy.evaluate(rules, question, at=at)
    changes = changed([Step(**step) for step in row.steps], decision.steps)
    same = decision.outcome == row.outcome and set(decision.missing) == set(row.missing)
    return replace(
        alike,
        outcome_now=decision.outcome,
        same=same,
        missing_now=decision.missing,
        changes=changes,
        because="" if same else _because(row.outcome, decision.outcome, changes),
    )


def changed(then: Sequence[Step], now: Sequence[Step]) -> tuple[Change, ...]:
    """What is answered otherwise: in the order of today's steps, and behind them what is asked no more."""
    before: Mapping[str, Step] = {step.fact: step for step in then}
    asked = {step.fact for step in now}
    found = []
    for step in now:
        old: Answered = before[step.fact].answer if step.fact in before else "not-asked"
        if old != step.answer:
            found.append(Change(step.fact, step.asks, step.citation, old, step.answer))
    found += [Change(s.fact, s.asks, s.citation, s.answer, "not-asked") for s in then if s.fact not in asked]
    return tuple(found)


def _unknown(rules: Rules, request: DisclosureRequest) -> str:
    """The first word of the request that these rules do not hold; empty if they hold all."""
    if request.basis not in rules.bases and request.basis not in rules.refused:
        return "basis"
    return "" if request.recipient_kind in rules.notice.recipients else "kind of recipient"


def _because(then: str, now: str, changes: Sequence[Change]) -> str:
    """One sentence: what of the changes led from one outcome to the other."""
    wanted = {"deny": "no", "undecided": "not-shown", "allow": "yes"}[now]
    led = [c for c in changes if c.now == wanted] or [c for c in changes if c.now == "not-asked"] or list(changes)
    named = "; ".join(f"{c.fact} was {c.then} and is {c.now} [{c.citation}]" for c in led)
    return f"{then} then, {now} now: {named}" if named else f"{then} then, {now} now"
