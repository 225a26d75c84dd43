"""Let go what an allow decision lets go: accounting row, grant and notice stand together or not at all (invariant 4)."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from common.database import WriteSession
from common.errors import FieldError, InvalidError
from common.ids import new_id
from common.protection.service_keys import ColumnKeys
from disclosure import policy, repository, rulebook
from disclosure.errors import NotAllowedError
from disclosure.grants import Grant, Signer
from disclosure.informing import store as notices
from disclosure.informing.tables import OutgoingNotice
from disclosure.informing.tables import place as notice_place
from disclosure.model import ELEMENTS, Condition
from disclosure.question import Decision, Question, Rules, read_elements
from disclosure.tables import Accounting, ReleaseGrant, place

AUDIENCES = {rulebook.SYSTEM: "transcripts", rulebook.PRODUCTION_SYSTEM: "production"}
"""Who holds the records of a system, and so takes the grants for them."""

HEALTH_OR_SAFETY = "b8"
_PERSON_ADDRESS = "release.person_address"


@dataclass(frozen=True, slots=True)
class Release:
    """To whom the records go, and in which layer. Names and addresses are a person's values and are kept sealed.

    Attributes:
        person_address: last known address of the person whom the records are about; for (b)(8) only, which sends word there.
    """

    recipient_name: str = field(repr=False)
    recipient_address: str = field(repr=False)
    layer: str
    person_address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Hand:
    """What signs a grant, seals whom it went to, and how long it may be used (seconds)."""

    signer: Signer
    keys: ColumnKeys
    seconds: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """A grant, its signed form, and the row of the accounting where the law asks for one."""

    grant: Grant
    token: str = field(repr=False)
    accounting: Accounting | None


def check(question: Question, decision: Decision, release: Release) -> None:
    """Refuse a release that the decision does not carry.

    Raises:
        NotAllowedError: the decision is not allow, or the layer holds what stays behind.
        InvalidError: (b)(8) without the person's address, or another basis with it.
    """
    if decision.outcome != "allow":
        raise NotAllowedError(
            f"the decision is {decision.outcome}, so nothing is released and nothing was stored",
            missing=decision.missing,
            errors=[FieldError(s.fact, f"{s.asks} [{s.citation}]") for s in decision.reasons],
            outcome=decision.outcome,
        )
    obstacle = policy.layer_obstacle(question, decision, release.layer)
    if obstacle is not None:
        rule = "tax return information is to be withheld, so the original may not go (26 U.S.C. 6103)"
        raise NotAllowedError(rule, errors=[FieldError("release.layer", rule)], missing=[obstacle])
    needed = question.basis == HEALTH_OR_SAFETY
    if needed and not release.person_address:
        rule = "word goes to the person's last known address with the disclosure (5 U.S.C. 552a(b)(8))"
        raise InvalidError(rule, errors=[FieldError(_PERSON_ADDRESS, "is needed")], missing=[_PERSON_ADDRESS])
    if release.person_address and not needed:
        raise InvalidError(
            "an address of the person is kept for (b)(8) only",
            errors=[FieldError(_PERSON_ADDRESS, "is not needed here")],
        )


async def let_go(
    session: WriteSession, rules: Rules, question: Question, decision: Decision, *, decision_id: UUID, release: Release,
    hand: Hand,
) -> LetGo:  # fmt: skip
    """Account for the release where the law asks for it, enter the grant, and sign it."""
    await notices.lock_for_release(session, question.transcript_ids)
    accounted = is_accounted(rules, question.basis)
    grant = _grant(question, decision, decision_id, release.layer, hand.seconds, accounted=accounted)
    row = None
    if grant.accounting_id is not None:
        row = _accounting(grant, grant.accounting_id, question.purpose, release, hand.keys)
        await repository.add_accounting(session, row, grant.transcript_ids)
        if question.basis == HEALTH_OR_SAFETY:
            await _tell_the_person(session, grant, grant.accounting_id, release, hand.keys)
    await repository.add_grant(session, _entry(grant, hand.signer.key_id))
    return LetGo(grant, hand.signer.sign(grant), row)


def is_accounted(rules: Rules, basis: str) -> bool:
    """Whether 5 U.S.C. 552a(c)(1) wants a disclosure on this basis accounted for: routine uses always are."""
    rule = rules.bases[basis]
    return not isinstance(rule, Condition) or rule.accounted


def _accounting(grant: Grant, row_id: UUID, purpose: str, release: Release, keys: ColumnKeys) -> Accounting:
    return Accounting(
        id=row_id,
        decision_id=grant.decision_id,
        request_id=grant.request_id,
        outcome="allow",
        disclosed_at=grant.issued_at,
        nature=_nature(grant),
        basis=grant.basis,
        purpose=purpose,
        recipient_kind=grant.recipient_kind,
        recipient_name=keys.seal(release.recipient_name, place(row_id, "recipient_name")),
        recipient_address=keys.seal(release.recipient_address, place(row_id, "recipient_address")),
    )


def _entry(grant: Grant, key_id: str) -> ReleaseGrant:
    return ReleaseGrant(
        id=grant.id,
        decision_id=grant.decision_id,
        accounting_id=grant.accounting_id,
        request_id=grant.request_id,
        basis=grant.basis,
        outcome="allow",
        holder=grant.audience,
        layer=grant.layer,
        issued_at=grant.issued_at,
        expires_at=grant.expires_at,
        key_id=key_id,
    )


async def _tell_the_person(
    session: WriteSession, grant: Grant, accounting_id: UUID, release: Release, keys: ColumnKeys
) -> None:
    notice_id = new_id()
    await notices.add(
        session,
        OutgoingNotice(
            id=notice_id,
            kind="health-or-safety",
            accounting_id=accounting_id,
            cause_id=accounting_id,
            stage="release",
            records=sorted(set(grant.transcript_ids)),
            address=keys.seal(release.person_address, notice_place(notice_id, "address")),
            state="due",
            made_at=grant.issued_at,
            due_on=policy.agency_day(grant.issued_at),
        ),
    )


def _nature(grant: Grant) -> str:
    what = "chat transcript(s)" if grant.audience == "transcripts" else "set(s) of production figures"
    text = f"copy of {len(grant.transcript_ids)} {what}, layer {grant.layer}"
    text += f"; elements: {', '.join(grant.elements)}" if grant.elements else ""
    return text + ("; lines with tax return information withheld" if grant.withheld else "")


def _grant(
    question: Question, decision: Decision, decision_id: UUID, layer: str, seconds: int, *, accounted: bool
) -> Grant:
    """A grant ends early where a fact it rests on runs out: an agreement, an assignment (routine uses 4 and 5)."""
    expires_at = decision.decided_at + timedelta(seconds=seconds)
    if decision.holds_until is not None:
        expires_at = min(expires_at, policy.end_of_day(decision.holds_until))
    return Grant(
        id=new_id(),
        request_id=question.request_id,
        decision_id=decision_id,
        accounting_id=new_id() if accounted else None,
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
