"""Look for other people's data in a person's own record, and decide each finding."""

from collections.abc import Sequence
from uuid import UUID

from common.errors import FieldError, InvalidError
from common.ids import new_id
from common.pii.particulars import Person
from common.pii.taxonomy import load
from common.pii.third_persons import Entry, proposals
from disclosure.individuals import store
from disclosure.individuals.desk import Desk
from disclosure.individuals.tables import IndividualRedaction


async def propose(
    desk: Desk,
    request_id: UUID,
    transcript_id: UUID,
    *,
    entries: Sequence[Entry],
    requester: Person,
    others: Sequence[Person],
) -> Sequence[IndividualRedaction]:
    """Search entries of a record for what is about somebody else. The texts are looked through and not kept.

    Raises:
        InvalidError: the request does not name this record.
    """
    row = await desk.request(request_id)
    if transcript_id not in row.records:
        raise InvalidError("the request is not about this record", errors=[FieldError("transcript_id", "is not named")])
    known = {
        (r.transcript_id, r.entry_seq, r.span_start, r.span_end)
        for r in await store.redactions_of(desk.session, row.id)
    }
    for found in proposals(entries, requester, others, load()):
        if (transcript_id, found.seq, found.start, found.end) not in known:
            desk.session.add(
                IndividualRedaction(
                    id=new_id(),
                    request_id=row.id,
                    transcript_id=transcript_id,
                    entry_seq=found.seq,
                    span_start=found.start,
                    span_end=found.end,
                    kind=found.kind,
                    proposed_at=desk.now,
                )
            )
    row.searched = list(dict.fromkeys([*row.searched, transcript_id]))
    await desk.session.flush()
    return [r for r in await store.redactions_of(desk.session, row.id) if r.transcript_id == transcript_id]


async def settle(
    desk: Desk, request_id: UUID, decisions: Sequence[tuple[UUID, str, str]]
) -> Sequence[IndividualRedaction]:
    """Decide findings: (id, `redact` or `keep`, why it is kept).

    Raises:
        InvalidError: a finding is not of this request, or is kept without a reason.
    """
    row = await desk.request(request_id)
    found = {r.id: r for r in await store.redactions_of(desk.session, row.id)}
    for number, (redaction_id, decision, reason) in enumerate(decisions):
        if redaction_id not in found:
            raise InvalidError(
                "no such finding", errors=[FieldError(f"decisions[{number}].id", "is not of this request")]
            )
        if decision == "keep" and not reason.strip():
            wrong = FieldError(f"decisions[{number}].reason", "is needed: why other people's data may stay")
            raise InvalidError("what stays needs a reason", errors=[wrong], missing=[wrong.field])
        one = found[redaction_id]
        one.decision, one.decided_by, one.decided_at, one.reason = decision, desk.actor, desk.now, reason
    await desk.session.flush()
    return list(found.values())
