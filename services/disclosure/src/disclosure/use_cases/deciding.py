"""Decide a request, and release what an allow decision lets go.

Decision, accounting row, release grant and event are one unit of work: either all of them stand or none (invariant 4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from uuid import UUID

from common.auth import Principal
from common.contracts.disclosure import FactValue
from common.database import WriteSession
from common.errors import InvalidError
from common.ids import new_id
from disclosure import commitments, papers, policy, publishing, repository, rulebook, vocabulary
from disclosure.errors import AlreadyReleasedError, OwnRequestError, UnknownRequestError
from disclosure.grants import Grant
from disclosure.question import Decision, Question, Rules, TaxSpan
from disclosure.tables import Accounting, DecisionRow, DisclosureRequest
from disclosure.use_cases import releasing
from disclosure.use_cases.releasing import Hand, Release


@dataclass(frozen=True, slots=True)
class _Newly:
    """What is shown with this decision."""

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

    Args:
        spans: lines with tax return information; None: those of the decision before, if there was one.

    Raises:
        UnknownRequestError: no such request.
        OwnRequestError: the actor made the request.
        AlreadyReleasedError: it led to a release before.
        InvalidError: a fact that the notice does not know.
        NotAllowedError: a release is asked for and the decision is not allow; nothing is stored then.
    """
    request = await repository.lock_request(session, request_id)
    if request is None:
        raise UnknownRequestError
    if request.requested_by == actor.id:
        raise OwnRequestError
    if await repository.is_released(session, request_id):
        raise AlreadyReleasedError
    rules = rulebook.current(rulebook.system_of(request.basis))
    _check(rules, request, facts, spans or ())
    question = await _question(session, rules, request, _Newly(facts, spans), now)
    decision = policy.evaluate(rules, question, at=now)
    if release is not None:
        releasing.check(question, decision, release)
    decided = Decided(new_id(), question, decision)
    kept = await _keep(session, request, decided, actor, rules)
    if release is not None:
        grant, token = await releasing.let_go(
            session, rules, question, decision, decision_id=decided.id, release=release, hand=hand
        )
        decided = Decided(decided.id, question, decision, grant, token)
    await publishing.tell_decided(session, question, decision, decision_id=decided.id, grant=decided.grant)
    return replace(decided, commitments=await _committed(session, kept, request, release, decided.grant))


def _check(rules: Rules, request: DisclosureRequest, facts: Mapping[str, FactValue], spans: Sequence[TaxSpan]) -> None:
    wrong = vocabulary.wrong_with_facts(rules.notice, facts)
    wrong += vocabulary.wrong_with_spans(spans, request.transcript_ids)
    if wrong:
        raise InvalidError("some facts are not known to the notice, or not as they must be", errors=wrong)


async def _question(
    session: WriteSession, rules: Rules, request: DisclosureRequest, newly: _Newly, now: datetime
) -> Question:
    """The request with what people say and what the registers say: each only what it is asked for."""
    earlier, known_spans = await repository.facts_so_far(session, request)
    sayable = rules.notice.said_by_people
    said = {name: value for name, value in {**earlier, **newly.facts}.items() if name in sayable}
    day = policy.agency_day(now)
    registered = await papers.facts_of(session, request.id, request.transcript_ids, said, day)
    sealed = await repository.sealed_among(session, request.transcript_ids)
    spans = known_spans if newly.spans is None else tuple(newly.spans)
    return repository.question_of(request, {**said, **registered}, sealed, spans)


async def _keep(
    session: WriteSession, request: DisclosureRequest, decided: Decided, actor: Principal, rules: Rules
) -> DecisionRow:
    decision = decided.decision
    await repository.keep_rules(session, version=rules.version, document=rules.document, now=decision.decided_at)
    row = DecisionRow(
        id=decided.id,
        request_id=request.id,
        requested_by=request.requested_by,
        decided_by=actor.id,
        outcome=decision.outcome,
        rule_version=decision.rule_version,
        facts=dict(decided.question.facts),
        sealed=sorted(decided.question.sealed),
        steps=[asdict(step) for step in decision.steps],
        missing=list(decision.missing),
        holds_until=decision.holds_until,
        decided_at=decision.decided_at,
        tax_spans=[{**asdict(span), "transcript_id": str(span.transcript_id)} for span in decided.question.spans],
    )
    session.add(row)
    await session.flush()
    return row


async def _committed(
    session: WriteSession,
    kept: DecisionRow,
    request: DisclosureRequest,
    release: Release | None,
    grant: Grant | None,
) -> tuple[str, ...]:
    """Commitments to what was entered: the decision, and the row of the accounting if something was released."""
    documents = [commitments.of_decision(kept, request)]
    if release is not None and grant is not None and grant.accounting_id is not None:
        row = await session.get(Accounting, grant.accounting_id)
        documents += [] if row is None else [
            commitments.of_accounting(
                row,
                recipient_name=release.recipient_name,
                recipient_address=release.recipient_address,
                records=grant.transcript_ids,
            )
        ]  # fmt: skip
    return tuple(commitments.commitment(document) for document in documents if document is not None)
