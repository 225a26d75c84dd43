"""What the transcripts service tells: a transcript was sealed. No person's values, ever."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.contracts.chat import Digest
from common.contracts.envelope import EventData


class TranscriptClosed(EventData):
    """All entries 1..n of a session are held, agree with the closing digest, and can no longer change."""

    event_type: ClassVar[str] = "muniment.transcript.closed.v1"
    topic: ClassVar[str] = "transcript.closed"
    key_field: ClassVar[str] = "transcript_id"
    system: ClassVar[str] = "60-0383"

    transcript_id: UUID
    session_id: UUID
    opened_at: datetime
    closed_at: datetime
    sealed_at: datetime
    last_seq: int = Field(ge=1)
    message_count: int = Field(ge=0)
    digest: Digest = Field(description="Running digest of the session; recomputable from the transcript's entries")
    chat_topic: str
    office: str = Field(description="Office of the first employee who took part; empty when none did")
    close_reason: str
    identity_assurance: int


TRANSCRIPT_EVENTS: dict[str, type[EventData]] = {TranscriptClosed.event_type: TranscriptClosed}
