"""The issuer's keys: rotation is followed, an outage closes nobody out and lets nobody in, a flood reaches nobody."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from common import issuer_keys
from common.auth import TokenVerifier
from common.errors import UnauthenticatedError, UnavailableError
from common.issuer_keys import MAX_SET_BYTES, IssuerKeys
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer

URL = "https://issuer.example/jwks"


class Served:
    """An issuer's address, with what it answers and how often it was asked."""

    def __init__(self, issuer: Issuer) -> None:
        self.body: object = json.loads(issuer.jwks.read_text())
        self.status = 200
        self.asked = 0
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))

    async def answer(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        await asyncio.sleep(0)
        return httpx.Response(self.status, json=self.body)


@pytest.fixture
def served(issuer: Issuer) -> Served:
    return Served(issuer)


@pytest.fixture
def verifier(issuer: Issuer, served: Served, clock: FixedClock) -> TokenVerifier:
    settings = ServiceSettings(profile="embedded", issuer=issuer.name, jwks=URL)
    return TokenVerifier(settings, clock, client=served.client)


class Watch:
    """Stands in for the monotonic clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(issuer_keys, "monotonic", lambda: self.now)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def other(issuer: Issuer, clock: FixedClock, name: str = "next") -> Issuer:
    (folder := issuer.jwks.parent / name).mkdir()
    return Issuer(folder, clock)


async def refreshed(verifier: TokenVerifier) -> None:
    """The fetch that no token waits for is over."""
    refreshing = verifier._keys._refreshing
    assert refreshing is not None
    await asyncio.wait_for(asyncio.shield(refreshing), 30)


async def test_many_who_come_first_ask_once(verifier: TokenVerifier, served: Served, issuer: Issuer) -> None:
    tokens = [issuer.mint("agent", sub=f"a{n}") for n in range(20)]
    await asyncio.gather(*(verifier.verify(token) for token in tokens))
    assert served.asked == 1


async def test_a_flood_of_unknown_keys_asks_once_in_five_seconds(
    verifier: TokenVerifier, served: Served, issuer: Issuer, clock: FixedClock, watch: Watch
) -> None:
    await verifier.verify(issuer.mint("agent"))
    head, body, signature = issuer.mint("agent").split(".")
    assert head
    unknown = [f'{{"alg":"ES256","kid":"{n}"}}'.encode().hex() for n in range(50)]
    for _ in range(3):
        watch.now += 5.0
        forged = (f"{_b64(bytes.fromhex(text))}.{body}.{signature}" for text in unknown)
        outcomes = await asyncio.gather(*(verifier.verify(one) for one in forged), return_exceptions=True)
        assert {type(one) for one in outcomes} == {UnauthenticatedError}
    assert served.asked == 4


def _b64(data: bytes) -> str:
    from base64 import urlsafe_b64encode  # noqa: PLC0415 - here only

    return urlsafe_b64encode(data).rstrip(b"=").decode()


async def test_a_withdrawn_key_opens_nothing_more_not_even_for_a_token_that_was_seen(
    verifier: TokenVerifier, served: Served, issuer: Issuer, clock: FixedClock, watch: Watch
) -> None:
    token = issuer.mint("agent")
    await verifier.verify(token)
    served.body = json.loads(other(issuer, clock).jwks.read_text())
    watch.now += 301
    await verifier.verify(token)  # the answer is not waited for
    await refreshed(verifier)
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(token)


async def test_an_issuer_that_is_down_stops_no_holder_for_a_day_and_then_everybody(
    verifier: TokenVerifier, served: Served, issuer: Issuer, watch: Watch
) -> None:
    token = issuer.mint("agent")
    await verifier.verify(token)
    served.status = 500
    for _ in range(5):
        watch.now += 4 * 3600
        await verifier.verify(token)
        await refreshed(verifier)
    assert served.asked == 6
    watch.now += 5 * 3600
    with pytest.raises(UnavailableError):
        await verifier.verify(token)
    served.status = 200
    watch.now += 5
    await verifier.verify(token)


async def test_without_any_key_the_door_stays_shut_and_the_issuer_is_not_stormed(
    verifier: TokenVerifier, served: Served, issuer: Issuer, watch: Watch
) -> None:
    served.status = 503
    for _ in range(10):
        with pytest.raises(UnavailableError):
            await verifier.verify(issuer.mint("agent"))
    assert served.asked == 1


@pytest.mark.parametrize("body", [[], {}, {"keys": []}, {"keys": [{"kty": "oct", "k": "AAAA"}]}, {"keys": [7]}, "x"])
async def test_a_set_that_is_none_does_not_replace_the_keys(
    verifier: TokenVerifier, served: Served, issuer: Issuer, watch: Watch, body: object
) -> None:
    token = issuer.mint("agent")
    await verifier.verify(token)
    served.body = body
    watch.now += 301
    await verifier.verify(token)
    await refreshed(verifier)
    assert served.asked == 2
    await verifier.verify(token)


async def test_a_set_beyond_its_size_is_not_read(issuer: Issuer, served: Served) -> None:
    served.body = {"keys": [], "more": "x" * MAX_SET_BYTES}
    with pytest.raises(UnavailableError):
        await IssuerKeys(URL, client=served.client).of("k", "ES256")


@pytest.mark.parametrize(
    "source", ["http://issuer.example/jwks", "http://127.0.0.1.issuer.example/jwks", "ftp://x/y", "file:///etc/passwd"]
)
async def test_keys_are_not_fetched_in_the_clear(served: Served, source: str) -> None:
    with pytest.raises(UnavailableError):
        await IssuerKeys(source, client=served.client).of("k", "ES256")
    assert served.asked == 0


async def test_an_issuers_authority_can_be_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        await IssuerKeys(URL, ca_file=str(tmp_path / "missing.pem")).of("k", "ES256")
