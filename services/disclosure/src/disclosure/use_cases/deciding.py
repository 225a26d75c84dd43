"""Decide a request, and release what an allow decision lets go.

Decision, accounting row, release grant and event are one unit of work: either all of them stand or none (invariant 4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from common.auth import Principal
from common.contracts.disclosure import FactValue
from common.database import WriteSession
from common.errors import InvalidError
from common.ids import new_id
from disclosure import commitments, entries, papers, policy, publishing, repository, rulebook, vocabulary
from disclosure.entries import Asked, Known
from disclosure.errors import AlreadyReleasedError, OwnRequestError, UnknownRequestError
from disclosure.grants import Grant
from disclosure.question import Decision, Question, Rules, TaxSpan
from disclosure.use_cases import releasing
from disclosure.use_cases.releasing import Hand, LetGo, Release


@dataclass(frozen=True, slots=True)
class _Newly:
    """What is shown with this decision, and the rules that say who may state what."""

    rules: Rules
    facts: Mapping[str, FactValue]
    spans: Sequence[TaxSpan] | None


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of it. `grant` and its signed form `token` are there only after a release.

    Attributes:
        commitments: what the audit entry is to name, so that decision and accounting row can be proven later.
    """

    id: UUID
    question: Question
    decision: Decision
    grant: Grant | None = None
    token: str | None = field(default=None, repr=False)
    commitments: tuple[str, ...] = ()


async def decide(
    session: WriteSession,
    *,
    request_id: UUID,
    facts: Mapping[str, FactValue],
    spans: Sequence[TaxSpan] | None,
    release: Release | None,
    actor: Principal,
    hand: Hand,
    now: datetime,
) -> Decided:
    """Decide a request on the facts shown so far and these; where both name one, these count.

    The request has to be held in this unit of work (`repository.HOLD_REQUEST`): its decisions come one after the other.

    Args:
        spans: lines with tax return information; None: those of the decision before, if there was one.

    Raises:
        UnknownRequestError: no such request.
        OwnRequestError: the actor made the request.
        AlreadyReleasedError: it led to a release before.
        InvalidError: a fact that the notice does not know.
        NotAllowedError: a release is asked for and the decision is not allow; nothing is stored then.
    """
    found = await repository.known_of(session, request_id, _versions())
    if found is None:
        raise UnknownRequestError
    asked, known = found
    if asked.requested_by == actor.id:
        raise OwnRequestError
    rules = rulebook.current(rulebook.system_of(asked.basis))
    if known.released:
        raise AlreadyReleasedError
    _check(rules, asked, facts, spans or ())
    question = await _question(session, asked, known, _Newly(rules, facts, spans), now)
    decision = policy.evaluate(rules, question, at=now)
    if release is not None:
        releasing.check(question, decision, release)
    if rules.version not in known.rules_kept:
        await repository.keep_rules(session, version=rules.version, document=rules.document, now=now)
    made = entries.made(new_id(), asked, question, decision, actor.id)
    await repository.add_decision(session, made)
    documents = [commitments.of_decision(made, asked)]
    decided = Decided(made.id, question, decision)
    if release is not None:
        let = await releasing.let_go(
            session, rules, question, decision, decision_id=made.id, release=release, hand=hand
        )
        documents.append(_of_accounting(let, release))
        decided = replace(decided, grant=let.grant, token=let.token)
    await publishing.tell_decided(session, question, decision, decision_id=made.id, grant=decided.grant)
    return replace(decided, commitments=tuple(commitments.commitment(one) for one in documents if one is not None))


def _versions() -> list[str]:
    return [rulebook.current(system).version for system in rulebook.SYSTEMS]


def _check(rules: Rules, asked: Asked, facts: Mapping[str, FactValue], spans: Sequence[TaxSpan]) -> None:
    wrong = vocabulary.wrong_with_facts(rules.notice, facts)
    wrong += vocabulary.wrong_with_spans(spans, asked.transcript_ids)
    if wrong:
        raise InvalidError("some facts are not known to the notice, or not as they must be", errors=wrong)


async def _question(session: WriteSession, asked: Asked, known: Known, newly: _Newly, now: datetime) -> Question:
    """The request with what people say and what the registers say: each only what it is asked for."""
    sayable = newly.rules.notice.said_by_people
    said = {name: value for name, value in {**known.shown, **newly.facts}.items() if name in sayable}
    registered = await papers.facts_of(session, known, said, policy.agency_day(now))
    spans = known.spans if newly.spans is None else tuple(newly.spans)
    return repository.question_of(asked, {**said, **registered}, known.sealed, spans)


def _of_accounting(let: LetGo, release: Release) -> commitments.Document | None:
    """What is committed to of the accounting's row, where there is one."""
    if let.accounting is None:
        return None
    return commitments.of_accounting(
        let.accounting,
        recipient_name=release.recipient_name,
        recipient_address=release.recipient_address,
        records=let.grant.transcript_ids,
    )
