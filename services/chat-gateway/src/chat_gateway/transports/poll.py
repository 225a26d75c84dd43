"""A long poll: how the sessions stand, and what comes after the cursor; when there is nothing yet, the first that comes."""

import asyncio
import contextlib
import hashlib
from typing import Any

import orjson
from fastapi import Response

from chat_gateway import frames
from chat_gateway.desk_schemas import OfferFrame
from chat_gateway.hearing import Hearing

MOST = 200
"""Frames in one answer; the next poll goes on from there."""

LINGER_SECONDS = 0.01
Frame = dict[str, Any]
_SNAPSHOTS = frozenset({"resumed", "monitoring"})
_NOTES = frozenset({"note", "whisper"})
_STATE = _SNAPSHOTS | _NOTES
"""Frames that come with every answer: how things stand. Whoever knows them by their `state` waits for others."""

_PASSING = frozenset({"after_seq", "last_seq", "digest", "client_id"})


class Basket:
    """Keeps what comes until the answer is written."""

    def __init__(self) -> None:
        self.closing: tuple[int, str] | None = None
        self.frames: list[str] = []
        self._came = asyncio.Event()
        self._ignored: tuple[str, ...] = ()

    def ignore(self, beginnings: tuple[str, ...]) -> None:
        """What begins so is known to the reader, and what came of it already is taken out."""
        self._ignored = beginnings
        self.frames = [text for text in self.frames if not text.startswith(beginnings)]

    def push(self, text: str) -> None:
        if self.closing is not None or text.startswith(self._ignored):
            return
        self.frames.append(text)
        self._came.set()
        if len(self.frames) >= MOST:
            self.closing = 0, "full"

    async def until_half_empty(self) -> None:
        """Nobody takes anything out before the answer is written."""

    def stir(self) -> None:
        """Wait no longer."""
        self._came.set()

    async def wait(self, seconds: float) -> None:
        """Until something comes from now on, and what comes with it."""
        self._came.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._came.wait(), seconds)
            await asyncio.sleep(LINGER_SECONDS)


async def wait_for_news(
    basket: Basket, hearing: Hearing, offers: list[OfferFrame], *, known: str, seconds: float
) -> str:
    """Wait for news, unless there are some: entries, or a state of things that the reader does not know.

    Args:
        offers: what an employee is asked now; part of the state.
        known: the state of the poll before.
        seconds: longest wait.

    Returns:
        The state, for the next poll.
    """
    told = [orjson.loads(text) for text in basket.frames]
    snapshots = [frame for frame in told if frame["type"] in _SNAPSHOTS]
    state = state_of(snapshots, [frame for frame in told if frame["type"] in _NOTES], offers)
    basket.ignore((*_offered(offers), *_places(snapshots), *_delivered(snapshots)))
    news = any(frame["type"] not in _STATE for frame in map(orjson.loads, basket.frames))
    basket.frames += [frames.write(offer) for offer in offers]
    if not news and state == known and basket.closing is None:
        await basket.wait(seconds)
    hearing.leave_all()
    return state


def answer(basket: Basket, state: str) -> Response:
    """What the poll brings."""
    body = f'{{"frames":[{",".join(basket.frames)}],"state":"{state}"}}'
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def state_of(snapshots: list[Frame], notes: list[Frame], offers: list[OfferFrame]) -> str:
    """Stands for everything but entries. What passes by itself, or the reader does, is no part of it: cursors, the estimate
    of a wait, that the reader received something.
    """
    parts: list[object] = [[note["session_id"], note["number"]] for note in notes]
    for frame in snapshots:
        queue, me = frame.get("queue") or {}, frame["participant_id"]
        told = {name: value for name, value in frame.items() if name not in _PASSING}
        told["queue"] = [queue.get("place"), queue.get("of")]
        told["receipts"] = [r for r in frame["receipts"] if (r["participant_id"], r["kind"]) != (me, "delivered")]
        parts.append(told)
    parts += [[offer.session_id, offer.until.isoformat()] for offer in offers]
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


# How frames begin that tell again what the reader knows already.


def _offered(offers: list[OfferFrame]) -> list[str]:
    return [f'{{"type":"offer","session_id":"{offer.session_id}"' for offer in offers]


def _places(snapshots: list[Frame]) -> list[str]:
    queues = [frame["queue"] for frame in snapshots if frame.get("queue")]
    return [f'{{"session_id":"{q["session_id"]}","place":{q["place"]},"of":{q["of"]},' for q in queues]


def _delivered(snapshots: list[Frame]) -> list[str]:
    return [f'{{"participant_id":"{frame["participant_id"]}","kind":"delivered"' for frame in snapshots]
