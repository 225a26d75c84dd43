"""From sealed transcripts to the event that tells of them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from common.contracts.transcripts import TranscriptClosed
from common.database import WriteSession
from common.messaging import outbox
from transcripts.model import Sealed

SOURCE = "/muniment/transcripts"


async def transcripts_closed(
    session: WriteSession, sealed: Sequence[tuple[UUID, Sealed]], *, sealed_at: datetime
) -> None:
    """Tell `transcript.closed` for these transcripts (id and content), in this unit of work. No person's values."""
    facts = [
        TranscriptClosed(
            transcript_id=transcript_id,
            session_id=one.session_id,
            opened_at=one.opened_at,
            closed_at=one.closed_at,
            sealed_at=sealed_at,
            last_seq=one.last_seq,
            message_count=one.message_count,
            digest=one.digest,
            chat_topic=one.chat_topic,
            office=one.office,
            close_reason=one.close_reason,
            identity_assurance=one.identity_assurance,
        )
        for transcript_id, one in sealed
    ]
    await outbox.tell(session, *facts, source=SOURCE, time=sealed_at)
