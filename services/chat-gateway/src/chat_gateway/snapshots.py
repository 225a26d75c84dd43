"""How a session stands, in one frame: what somebody holds who just came, or comes back after any time."""

from datetime import datetime
from typing import Literal

from chat_gateway.desk_schemas import PlaceOut
from chat_gateway.model import Opening, Status
from chat_gateway.queueing import Queueing
from chat_gateway.schemas import NoticeRef, Opened, ParticipantOut
from chat_gateway.signals.hub import Signals
from chat_gateway.signals.schemas import Receipt
from chat_gateway.use_cases import Part

How = Literal["opened", "joined", "resumed", "monitoring"]


class Snapshots:
    """Makes them. Receipts and the place in the queue are read from the database, all else is at hand."""

    def __init__(self, signals: Signals, queueing: Queueing) -> None:
        self._signals = signals
        self._queueing = queueing

    async def kept(self, part: Part, how: How) -> tuple[list[Receipt], PlaceOut | None]:
        """What has to be looked up. A session that just opened has no receipts, and its place is told when it is known."""
        if how == "opened":
            return [], None
        receipts = await self._signals.latest(part.live)
        waits = part.participant.role == "customer" and part.live.state.status is Status.WAITING
        return receipts, (await self._queueing.place_now(part.live.state.id) if waits else None)

    async def of(self, part: Part, how: How, after_seq: int, *, client_id: str | None = None) -> Opened:
        """The whole."""
        return snapshot(part, how, after_seq, await self.kept(part, how), client_id=client_id)


def snapshot(
    part: Part,
    how: How,
    after_seq: int,
    kept: tuple[list[Receipt], PlaceOut | None],
    *,
    client_id: str | None = None,
) -> Opened:
    """How the session stands at this moment, with what was looked up before.

    Raises:
        ValueError: the session was never opened.
    """
    state, situation = part.live.state, part.live.state.situation
    opening: Opening | None = state.opening
    if opening is None:
        raise ValueError("a session that was never opened has no snapshot")
    return Opened(
        type=how,
        session_id=state.key,
        participant_id=part.participant.id,
        client_id=client_id,
        after_seq=after_seq,
        last_seq=state.last_seq,
        digest=state.digest,
        status=situation.stage.value,
        topic=situation.topic,
        language=opening.notice_language,
        owner=situation.owner,
        held_until=situation.held_until,
        closes_at=state.quiet.closes_at,
        notice=NoticeRef(
            version=opening.notice_version, digest=opening.notice_digest, language=opening.notice_language
        ),
        participants=[
            ParticipantOut(
                participant_id=p.id,
                role=p.role,
                display_name=p.display_name,
                joined_at=datetime.fromisoformat(p.joined_at),
            )
            for p in state.participants.values()
        ],
        receipts=kept[0],
        queue=kept[1],
    )
