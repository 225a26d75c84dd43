"""Bad input in a flood: refused unread with its own error, then the connection ends; nobody else notices."""

import asyncio
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chat_gateway.errors import TooManyFramesError
from chat_gateway.pace import Pace
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.talking import Talker


async def test_a_flood_is_refused_and_then_cut_off(gateway: Gateway) -> None:
    async with gateway.replica(frames_per_second=0.001, frames_at_once=20) as small, small.talker("customer") as quiet:
        session_id = await quiet.open()
        async with small.talker("agent") as flood:
            try:
                for _ in range(60):
                    await flood.connection.send("{not json")
            except ConnectionClosed:
                pass
            gone = await flood.first("gone")
        codes = [frame["code"] for frame in flood.all("error")]
        assert gone["code"] == 4029
        assert codes.count("malformed-frame") == 19  # hello was the first of twenty
        assert codes.count("too-many-frames") == 21
        assert {f["status"] for f in flood.all("error") if f["code"] == "too-many-frames"} == {429}
        assert all(f["retryable"] for f in flood.all("error") if f["code"] == "too-many-frames")
        assert (await quiet.post(session_id, "I am still here"))["type"] == "ack"


async def test_who_slows_down_goes_on(gateway: Gateway) -> None:
    async with gateway.replica(frames_per_second=20, frames_at_once=5) as small, small.talker("customer") as hasty:
        for _ in range(8):
            await hasty.say(type="ping")
        error = await hasty.first("error")
        assert (error["code"], error["status"]) == ("too-many-frames", 429)
        notice = await hasty.first("notice")
        opening = {"type": "open", "client_id": uuid4(), "topic": "retirement", "notice_version": notice["version"]}
        while not hasty.all("opened"):
            await asyncio.sleep(0.2)
            refused = len(hasty.all("error"))
            await hasty.say(**opening)
            await hasty.until(lambda: bool(hasty.all("opened")) or len(hasty.all("error")) > refused)  # noqa: B023 - waited for
        session_id = UUID(hasty.all("opened")[0]["session_id"])
        assert (await hasty.post(session_id, "slowly now"))["type"] == "ack"


async def test_guessed_tokens_close_the_door_of_a_terminal(gateway: Gateway) -> None:
    async with gateway.replica(rate_limits={"failures": "3/60"}) as small:
        for _ in range(3):
            async with Talker.connected(small.port, None) as guesser:
                await guesser.say(type="hello", token="a.b.c")
                assert (await guesser.first("gone"))["code"] == 4001
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{small.port}/v1/chat")
        assert refused.value.response.status_code == 429
        assert int(refused.value.response.headers["retry-after"]) >= 1


def allowed(pace: Pace, now: float) -> bool:
    try:
        pace.check(now)
    except TooManyFramesError:
        return False
    return True


def test_a_pace_is_kept_over_any_time() -> None:
    pace = Pace(10, 5)
    assert [allowed(pace, 0.0) for _ in range(10)] == [True] * 5 + [False] * 5
    assert not pace.hopeless
    assert not allowed(pace, 0.0)
    assert pace.hopeless
    assert [allowed(pace, 0.1), allowed(pace, 0.1)] == [True, False]
    assert not pace.hopeless
    assert sum(allowed(pace, 100 + tick / 100) for tick in range(1000)) == 5 + 99
