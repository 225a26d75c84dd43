"""Questions of the HTTP interface to the database. The hot path has its own way in (`journal`), routing has `placements`."""

from uuid import UUID

from chat_gateway.tables import ChatSession
from common.database import ReadSession


async def session_by_id(session: ReadSession, session_id: UUID) -> ChatSession | None:
    return await session.get(ChatSession, session_id)
