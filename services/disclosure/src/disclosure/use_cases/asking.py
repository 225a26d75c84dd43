"""Take requests in, from both doors, and hear which transcripts there are."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from common.auth import Principal
from common.contracts.disclosure import DisclosureRequested, FactValue
from common.contracts.envelope import Envelope
from common.contracts.transcripts import TranscriptClosed
from common.database import WriteSession
from common.errors import InvalidError, PoisonEventError
from common.ids import new_id
from disclosure import publishing, repository, rulebook, vocabulary
from disclosure.question import Question
from disclosure.tables import DisclosureRequest

MOST_TRANSCRIPTS = 100


async def ask(
    session: WriteSession,
    *,
    question: Question,
    actor: Principal,
    now: datetime,
) -> DisclosureRequest:
    """Enter a request and tell it.

    Raises:
        InvalidError: a basis, kind of recipient, purpose or fact that the notice does not know; named by field.
    """
    notice = rulebook.current(rulebook.system_of(question.basis)).notice
    wrong = vocabulary.wrong_with(
        notice,
        basis=question.basis,
        recipient_kind=question.recipient_kind,
        purpose=question.purpose,
        facts=question.facts,
    )
    if wrong:
        fields = ", ".join(dict.fromkeys(w.field for w in wrong))
        raise InvalidError(
            f"the request uses words that the notice does not know, or uses them wrongly: {fields}", errors=wrong
        )
    row = _row(question, door="http", requested_by=actor.id, now=now)
    await repository.add_requests(session, [row])
    await publishing.tell_requested(session, question, now=now)
    return row


async def hear_requests(session: WriteSession, envelopes: Sequence[Envelope[DisclosureRequested]]) -> None:
    """Enter requests that came as events. This service's own come back on the topic and are known already.

    Raises:
        PoisonEventError: one that the notice's words do not cover, or whose id is taken by other content.
    """
    rows = [_heard(envelope) for envelope in envelopes]
    added = await repository.add_requests(session, rows)
    known = {r.id: r for r in await repository.requests_of(session, [r.id for r in rows if r.id not in added])}
    # Two events of one batch may share an id as well: then the first one is what is known.
    first = {row.id: row for row in reversed(rows)}
    for row in rows:
        if not _same(row, known.get(row.id, first[row.id])):
            raise PoisonEventError("data.request_id: a request of this id is known with other content")


async def hear_transcripts(session: WriteSession, envelopes: Sequence[Envelope[TranscriptClosed]]) -> None:
    """Know that these transcripts are sealed."""
    await repository.add_transcripts(session, [(e.data.transcript_id, e.data.sealed_at) for e in envelopes])


def _heard(envelope: Envelope[DisclosureRequested]) -> DisclosureRequest:
    data = envelope.data
    if vocabulary.looks_personal(data.facts):
        raise PoisonEventError("data.facts: holds what looks like a social security number", withhold=True)
    wrong = vocabulary.wrong_with(
        rulebook.current(rulebook.system_of(data.basis)).notice,
        basis=data.basis,
        recipient_kind=data.recipient_kind,
        purpose=data.purpose,
        facts=data.facts,
    )
    if wrong:
        raise PoisonEventError("; ".join(f"data.{w.field}: {w.message}" for w in wrong[:5]))
    if len(data.transcript_ids) > MOST_TRANSCRIPTS:
        raise PoisonEventError(f"data.transcript_ids: more than {MOST_TRANSCRIPTS}")
    question = Question(
        request_id=data.request_id,
        transcript_ids=tuple(dict.fromkeys(data.transcript_ids)),
        basis=data.basis,
        recipient_kind=data.recipient_kind,
        purpose=data.purpose,
        facts=data.facts,
        sealed=frozenset(),
    )
    return _row(question, door="event", requested_by=envelope.source, now=data.requested_at)


def new_question(
    *, transcript_ids: Sequence[UUID], basis: str, recipient_kind: str, purpose: str, facts: dict[str, FactValue]
) -> Question:
    """A question under an id of its own."""
    return Question(new_id(), tuple(transcript_ids), basis, recipient_kind, purpose, facts, frozenset())


def _row(question: Question, *, door: str, requested_by: str, now: datetime) -> DisclosureRequest:
    return DisclosureRequest(
        id=question.request_id,
        transcript_ids=list(question.transcript_ids),
        basis=question.basis,
        recipient_kind=question.recipient_kind,
        purpose=question.purpose,
        facts=dict(question.facts),
        door=door,
        requested_by=requested_by,
        requested_at=now,
    )


def _same(one: DisclosureRequest, other: DisclosureRequest) -> bool:
    """Whether two requests ask for the same; the door and who asked are not compared."""
    names = ("transcript_ids", "basis", "recipient_kind", "purpose", "facts")
    return all(getattr(one, name) == getattr(other, name) for name in names)
