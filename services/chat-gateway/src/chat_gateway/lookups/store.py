"""The record of looks, in the database. Every function needs an open unit of work."""

from datetime import datetime
from uuid import UUID

from chat_gateway.lookups.adapter import Question
from chat_gateway.lookups.errors import OVER, LookUpNotAllowedError
from chat_gateway.use_cases import Part
from common.database import WriteSession, fetch_all

_KEEP = """
INSERT INTO session_lookup (id, session_id, at, participant_id, topic, system, reason, fields, file)
SELECT $1, s.id, $3, $4, $5, $6, $7, $8, $9 FROM chat_session s WHERE s.id = $2 AND s.status = 'active' FOR SHARE
RETURNING id
"""
_SETTLE = "INSERT INTO session_lookup_outcome (lookup_id, at, outcome) VALUES ($1, $2, $3)"


async def keep(session: WriteSession, question: Question, part: Part, system: str, *, at: datetime) -> None:
    """Who is about to look into which file, and why. The file's id is sealed under the session's key.

    Raises:
        LookUpNotAllowedError: the session was closed in this moment.
    """
    state = part.live.state
    file = state.data_key.seal(question.file_id.encode(), place_of(question.look_up_id))
    kept = await fetch_all(
        session, _KEEP, question.look_up_id, state.id, at, UUID(part.participant.id), state.situation.topic, system,
        question.reason, sorted(question.fields), file,
    )  # fmt: skip
    if not kept:
        raise LookUpNotAllowedError(OVER)


async def settle(session: WriteSession, look_up_id: UUID, outcome: str, *, at: datetime) -> None:
    """How it went; nothing of the answer."""
    await fetch_all(session, _SETTLE, look_up_id, at, outcome)


def place_of(look_up_id: UUID) -> bytes:
    """Where the sealed id of the file belongs."""
    return f"session_lookup|{look_up_id}".encode()
