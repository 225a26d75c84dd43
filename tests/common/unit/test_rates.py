"""Limits by who calls and from where: as many as are allowed pass, one more does not, and Redis' loss changes little."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import redis.exceptions
from fakeredis import FakeAsyncRedis
from fastapi import APIRouter, FastAPI
from hypothesis import given
from hypothesis import strategies as st

from common.auth import TokenVerifier
from common.errors import TooManyError
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer, client_of
from common.web import rates
from common.web.app import create_app
from common.web.callers import Caller
from common.web.rates import Charge, Limits, Rate, class_of

FEW = {"reads": "3/60"}


class Watch:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(rates, "monotonic", lambda: self.now)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def limits(redis_client: Any = None, **classes: str) -> Limits:
    return Limits(ServiceSettings(rate_limits=FEW | classes), redis=redis_client)


async def count(of: Limits, who: str = "a", most: int = 50) -> int:
    """How many pass at once."""
    passed = 0
    while passed < most and (await of.charge(Charge("reads", who)))[0].allowed:
        passed += 1
    return passed


async def test_so_many_pass_at_once_and_then_one_by_one(watch: Watch) -> None:
    few = limits()
    assert await count(few) == 3
    assert await count(few, "somebody else") == 3
    watch.now += 19.9
    assert await count(few) == 0
    watch.now += 0.2
    assert await count(few) == 1
    watch.now += 600
    assert await count(few) == 3


async def test_redis_counts_the_same_for_all_processes() -> None:
    shared = FakeAsyncRedis()
    one, two = limits(shared), limits(shared)
    assert (await count(one), await count(two)) == (3, 0)
    assert await count(two, "b") == 3
    kept = [await shared.pttl(key) for key in await shared.keys("muniment:rate:*")]
    assert len(kept) == 2
    assert all(0 < left <= 60_001 for left in kept)


async def test_asking_for_room_costs_nothing() -> None:
    for of in (limits(), limits(FakeAsyncRedis())):
        ask = Charge("reads", "a", cost=0)
        for _ in range(10):
            assert (await of.charge(ask))[0].allowed
        assert await count(of) == 3
        assert not (await of.charge(ask))[0].allowed


async def test_without_redis_each_process_counts_and_none_waits(watch: Watch) -> None:
    class Lost:
        asked = 0

        def register_script(self, _: str) -> Any:
            async def run(**_: Any) -> None:
                self.asked += 1
                raise redis.exceptions.ConnectionError

            return run

    lost = Lost()
    alone = limits(lost)
    assert await count(alone) == 3
    assert lost.asked == 1
    watch.now += 2.1
    await count(alone)
    assert lost.asked == 2


async def test_a_redis_that_hangs_is_not_waited_for() -> None:
    class Hanging:
        def register_script(self, _: str) -> Any:
            async def run(**_: Any) -> None:
                await asyncio.sleep(60)

            return run

    began = asyncio.get_running_loop().time()
    assert await count(limits(Hanging())) == 3
    assert asyncio.get_running_loop().time() - began < 30, "it would have hung for a minute"


async def test_the_answer_says_what_is_left_and_when_to_come_back(watch: Watch) -> None:
    few = limits()
    first = (await few.require(Charge("reads", "a")))[0]
    assert first.headers == {"RateLimit-Policy": '"reads";q=3;w=60', "RateLimit": '"reads";r=2;t=20'}
    await few.require(Charge("reads", "a"))
    await few.require(Charge("reads", "a"))
    with pytest.raises(TooManyError, match="more than 3 reads in 60 s") as caught:
        await few.require(Charge("reads", "a"))
    assert caught.value.headers == {
        "RateLimit-Policy": '"reads";q=3;w=60',
        "RateLimit": '"reads";r=0;t=60',
        "Retry-After": "20",
    }
    watch.now += 20
    await few.require(Charge("reads", "a"))


@given(
    st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=200),
    st.integers(1, 20),
    st.integers(1, 120),
)
def test_never_more_than_allowed_in_any_window(gaps: list[float], amount: int, seconds: int) -> None:
    """Over any stretch no more pass than twice the window's amount, and over a long one the amount per window."""
    here, rate, now, passed = rates._Here(), Rate(amount, seconds), 1000.0, []
    with pytest.MonkeyPatch.context() as patched:
        for gap in gaps:
            now += gap
            patched.setattr(rates, "monotonic", lambda at=now: at)
            if here.spend("k", rate, 1)[0]:
                passed.append(now)
    for first, begin in enumerate(passed):
        for end in (begin, begin + seconds / 2, begin + seconds, begin + 3 * seconds):
            inside = sum(1 for at in passed[first:] if at <= end)
            assert inside <= amount + (end - begin) * amount / seconds + 1


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch, watch: Watch) -> None:
    monkeypatch.setattr(rates, "MOST_CALLERS", 20)
    few = limits()
    for number in range(100):
        await count(few, f"caller {number}")
    assert len(few._here._full) <= 20
    assert await count(few, "caller 99") == 0


@pytest.mark.parametrize("wrong", [{"reads": "many"}, {"reads": "0/60"}, {"reads": "1/0"}, {"reeds": "1/60"}])
def test_a_limit_that_is_none_is_no_setting(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"no limit|no class"):
        Limits(ServiceSettings(rate_limits=wrong))


def test_operations_have_classes() -> None:
    assert class_of("transcript.search", "POST") == "searches"
    assert class_of("disclosure.list_requests", "GET") == "searches"
    assert class_of("transcript.read", "GET") == "reads"
    assert class_of("transcript.copy", "GET") == "exports"
    assert class_of("action.record", "POST") == "writes"


def application(issuer: Issuer, clock: FixedClock) -> FastAPI:
    router = APIRouter()

    @router.get("/v1/things")
    async def things(caller: Caller) -> str:
        return caller.id

    settings = ServiceSettings(
        profile="embedded",
        issuer=issuer.name,
        jwks=str(issuer.jwks),
        rate_limits=FEW | {"failures": "2/60", "terminal": "20/60", "programs": "5/60"},
    )
    app = create_app(title="t", description="d", routers=[router], checks={}, settings=settings)
    app.state.verifier = TokenVerifier(settings, clock)
    return app


@pytest.fixture
async def client(issuer: Issuer, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application(issuer, clock)) as opened:
        yield opened


async def test_a_caller_who_asks_too_often_is_told_when_to_come_back(client: httpx.AsyncClient, issuer: Issuer) -> None:
    headers = issuer.headers("agent", sub="one")
    left = [(await client.get("/v1/things", headers=headers)).headers["ratelimit"] for _ in range(3)]
    assert [text.split(";")[1] for text in left] == ["r=2", "r=1", "r=0"]
    refused = await client.get("/v1/things", headers=headers)
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert refused.headers["ratelimit-policy"] == '"reads";q=3;w=60'
    assert (await client.get("/v1/things", headers=issuer.headers("agent", sub="two"))).status_code == 200
    # A new token is the same caller.
    assert (await client.get("/v1/things", headers=issuer.headers("agent", sub="one", n=1))).status_code == 429


async def test_programs_have_a_limit_of_their_own(client: httpx.AsyncClient, issuer: Issuer) -> None:
    answers = [await client.get("/v1/things", headers=issuer.headers("case_system")) for _ in range(6)]
    assert [a.status_code for a in answers] == [200] * 5 + [429]


async def test_who_guesses_tokens_is_stopped_and_who_has_one_at_the_same_terminal_waits_too(
    client: httpx.AsyncClient, issuer: Issuer
) -> None:
    guesses = [await client.get("/v1/things", headers={"Authorization": "Bearer a.b.c"}) for _ in range(3)]
    assert [a.status_code for a in guesses] == [401, 401, 429]
    assert '"failures"' in guesses[2].headers["ratelimit"]
    assert (await client.get("/v1/things", headers=issuer.headers("agent"))).status_code == 429
    assert (await client.get("/livez")).status_code == 200


async def test_a_terminal_has_a_limit_also_for_what_is_public(client: httpx.AsyncClient) -> None:
    answers = [await client.get("/openapi.json") for _ in range(21)]
    assert [a.status_code for a in answers] == [200] * 20 + [429]
    assert (await client.get("/readyz")).status_code == 200
