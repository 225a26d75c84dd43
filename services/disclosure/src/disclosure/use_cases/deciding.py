"""Decide a request, and release what an allow decision lets go.

Decision, accounting row, release grant and event are one unit of work: either all of them stand or none (invariant 4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from common.auth import Principal
from common.contracts.disclosure import FactValue
from common.database import WriteSession
from common.errors import FieldError, InvalidError
from common.ids import new_id
from common.protection.service_keys import ColumnKeys
from disclosure import papers, policy, publishing, repository, rulebook, vocabulary
from disclosure.errors import AlreadyReleasedError, NotAllowedError, OwnRequestError, UnknownRequestError
from disclosure.grants import Grant, Signer
from disclosure.model import ELEMENTS
from disclosure.question import Decision, Question, Rules, TaxSpan, read_elements
from disclosure.tables import Accounting, DecisionRow, DisclosureRequest, ReleaseGrant, place

AUDIENCES = {rulebook.SYSTEM: "transcripts", rulebook.PRODUCTION_SYSTEM: "production"}
"""Who holds the records of a system, and so takes the grants for them."""


@dataclass(frozen=True, slots=True)
class Release:
    """To whom the records go, and in which layer. Name and address are a person's values: the accounting row's only."""

    recipient_name: str = field(repr=False)
    recipient_address: str = field(repr=False)
    layer: str


@dataclass(frozen=True, slots=True)
class _Newly:
    """What is shown with this decision."""

    facts: Mapping[str, FactValue]
    spans: Sequence[TaxSpan] | None


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of it. `grant` and its signed form `token` are there only after a release."""

    id: UUID
    question: Question
    decision: Decision
    grant: Grant | None = None
    token: str | None = field(default=None, repr=False)


async def decide(
    session: WriteSession,
    *,
    request_id: UUID,
    facts: Mapping[str, FactValue],
    spans: Sequence[TaxSpan] | None,
    release: Release | None,
    actor: Principal,
    signer: Signer,
    keys: ColumnKeys,
    grant_seconds: int,
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
        _check_release(question, decision, release.layer)
    decided = Decided(new_id(), question, decision)
    await _keep(session, request, decided, actor, rules)
    if release is not None:
        decided = await _let_go(session, decided, release, signer, keys=keys, grant_seconds=grant_seconds)
    await publishing.tell_decided(
        session,
        question,
        decision,
        decision_id=decided.id,
        accounting_id=decided.grant.accounting_id if decided.grant else None,
    )
    return decided


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


def _check_release(question: Question, decision: Decision, layer: str) -> None:
    if decision.outcome != "allow":
        raise NotAllowedError(
            f"the decision is {decision.outcome}, so nothing is released and nothing was stored",
            missing=decision.missing,
            errors=[FieldError(s.fact, f"{s.asks} [{s.citation}]") for s in decision.reasons],
            outcome=decision.outcome,
        )
    obstacle = policy.layer_obstacle(question, decision, layer)
    if obstacle is not None:
        rule = "tax return information is to be withheld, so the original may not go (26 U.S.C. 6103)"
        raise NotAllowedError(rule, errors=[FieldError("release.layer", rule)], missing=[obstacle])


async def _keep(
    session: WriteSession, request: DisclosureRequest, decided: Decided, actor: Principal, rules: Rules
) -> None:
    decision = decided.decision
    await repository.keep_rules(session, version=rules.version, document=rules.document, now=decision.decided_at)
    session.add(
        DecisionRow(
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
    )
    await session.flush()


async def _let_go(
    session: WriteSession, decided: Decided, release: Release, signer: Signer, *, keys: ColumnKeys, grant_seconds: int
) -> Decided:
    grant = _grant(decided, release.layer, grant_seconds)
    row = Accounting(
        id=grant.accounting_id,
        decision_id=decided.id,
        request_id=grant.request_id,
        outcome=decided.decision.outcome,
        disclosed_at=grant.issued_at,
        nature=_nature(grant),
        basis=grant.basis,
        purpose=decided.question.purpose,
        recipient_kind=grant.recipient_kind,
        recipient_name=keys.seal(release.recipient_name, place(grant.accounting_id, "recipient_name")),
        recipient_address=keys.seal(release.recipient_address, place(grant.accounting_id, "recipient_address")),
    )
    entry = ReleaseGrant(
        id=grant.id,
        decision_id=decided.id,
        accounting_id=grant.accounting_id,
        layer=grant.layer,
        issued_at=grant.issued_at,
        expires_at=grant.expires_at,
        key_id=signer.key_id,
    )
    await repository.add_release(session, row, entry, grant.transcript_ids)
    return Decided(decided.id, decided.question, decided.decision, grant, signer.sign(grant))


def _nature(grant: Grant) -> str:
    what = "chat transcript(s)" if grant.audience == "transcripts" else "set(s) of production figures"
    text = f"copy of {len(grant.transcript_ids)} {what}, layer {grant.layer}"
    text += f"; elements: {', '.join(grant.elements)}" if grant.elements else ""
    return text + ("; lines with tax return information withheld" if grant.withheld else "")


def _grant(decided: Decided, layer: str, seconds: int) -> Grant:
    """A grant ends early where a fact it rests on runs out: an agreement, an assignment (routine uses 4 and 5)."""
    decision, question = decided.decision, decided.question
    expires_at = decision.decided_at + timedelta(seconds=seconds)
    if decision.holds_until is not None:
        expires_at = min(expires_at, policy.end_of_day(decision.holds_until))
    return Grant(
        id=new_id(),
        request_id=question.request_id,
        decision_id=decided.id,
        accounting_id=new_id(),
        transcript_ids=question.transcript_ids,
        layer=layer,
        basis=question.basis,
        recipient_kind=question.recipient_kind,
        rule_version=decision.rule_version,
        issued_at=decision.decided_at,
        expires_at=expires_at,
        audience=AUDIENCES[rulebook.system_of(question.basis)],
        elements=_elements(decision, question),
        withheld=decision.withheld,
    )


def _elements(decision: Decision, question: Question) -> tuple[str, ...]:
    """The elements that may go, where the basis asked for them to be named."""
    named = any(step.fact == ELEMENTS for step in decision.steps)
    return tuple(sorted(read_elements(question.facts.get(ELEMENTS)))) if named else ()
