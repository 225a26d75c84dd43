"""Questions of the HTTP interface to the database. The hot path has its own way in (`journal`)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel import col, select

from chat_gateway.tables import ChatSession
from common.database import ReadSession


async def waiting_sessions(
    session: ReadSession, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[ChatSession]:
    """Sessions that no employee has taken, oldest first, beyond the cursor."""
    place = tuple_(col(ChatSession.opened_at), col(ChatSession.id))
    query = select(ChatSession).where(col(ChatSession.status) == "waiting")
    if after is not None:
        query = query.where(place > after)
    return (await session.execute(query.order_by(place).limit(limit))).scalars().all()


async def session_by_id(session: ReadSession, session_id: UUID) -> ChatSession | None:
    return await session.get(ChatSession, session_id)
