"""Explain a decision, and replay it under the rules it was made under (invariant 5)."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from common.database import ReadSession
from disclosure import policy, repository, rulebook
from disclosure.errors import UnknownDecisionError, UnknownRulesError, UnreadableRulesError
from disclosure.question import Decision, Outcome, Question, Rules, Step
from disclosure.tables import DecisionRow, DisclosureRequest
from disclosure.wording import Reader, Wording, word


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision with the request it answers, and the accounting row if it led to a release."""

    row: DecisionRow
    request: DisclosureRequest
    accounting_id: UUID | None

    @property
    def steps(self) -> list[Step]:
        return [Step(**step) for step in self.row.steps]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the stored rules say today about the stored facts, and in what that differs from what was stored."""

    row: DecisionRow
    decision: Decision
    differences: tuple[str, ...]


async def explain(session: ReadSession, decision_id: UUID) -> Explained:
    """Raises UnknownDecisionError: no such decision."""
    row = await repository.decision_of(session, decision_id)
    if row is None:
        raise UnknownDecisionError
    request = await repository.request_of(session, row.request_id)
    if request is None:
        raise UnknownDecisionError
    return Explained(row, request, await repository.accounting_of_decision(session, decision_id))


async def rules_of(session: ReadSession, version: str) -> Rules:
    """The rules under which decisions were made, however long ago (S1-120).

    Raises:
        UnknownRulesError: no decision was ever made under this version.
        UnreadableRulesError: they are written in a form that this version of the service does not read.
    """
    document = await repository.rules_text(session, version)
    if document is None:
        raise UnknownRulesError
    try:
        return rulebook.rules_from(document)
    except ValueError:
        raise UnreadableRulesError from None


def question_then(row: DecisionRow, request: DisclosureRequest) -> Question:
    """The question as it stood when it was decided."""
    return repository.question_of(request, row.facts, frozenset(row.sealed), repository.spans_of(row))


async def replay(session: ReadSession, decision_id: UUID) -> Replayed:
    """Decide again: the facts, the rules' text and the moment are those that were stored.

    Raises:
        UnknownDecisionError: no such decision.
    """
    explained = await explain(session, decision_id)
    row = explained.row
    rules = await rules_of(session, row.rule_version)
    question = question_then(row, explained.request)
    decision = policy.evaluate(rules, question, at=row.decided_at)
    pairs = {
        "rule_version": (row.rule_version, decision.rule_version),
        "outcome": (row.outcome, decision.outcome),
        "missing": (list(row.missing), list(decision.missing)),
        "steps": (explained.steps, list(decision.steps)),
        "holds_until": (row.holds_until, decision.holds_until),
    }
    return Replayed(row, decision, tuple(name for name, (then, now) in pairs.items() if then != now))


async def worded(session: ReadSession, decision_id: UUID, reader: Reader) -> Wording:
    """A decision in words for one kind of reader, from the proof that was stored.

    Raises:
        UnknownDecisionError: no such decision.
    """
    explained = await explain(session, decision_id)
    row, question = explained.row, question_then(explained.row, explained.request)
    rules = await rules_of(session, row.rule_version)
    withheld = tuple(s for s in question.spans if not s.may_go) if row.outcome == "allow" else ()
    decision = Decision(
        outcome=cast("Outcome", row.outcome),
        rule_version=row.rule_version,
        steps=tuple(explained.steps),
        missing=tuple(row.missing),
        decided_at=row.decided_at,
        holds_until=row.holds_until,
        withheld=withheld,
    )
    return word(rules, question, decision, reader)
