"""Tokens that are bound to a key: a stolen one is worth nothing, and a recorded request works no second time."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import redis.exceptions
from fakeredis import FakeAsyncRedis
from fastapi import APIRouter, FastAPI

from common.auth import TokenVerifier
from common.dpop import Proof, ProofError, Proofs, SeenProofs
from common.errors import UnauthenticatedError
from common.settings import ServiceSettings
from common.testing import FixedClock, Holder, Issuer, client_of
from common.web.app import create_app
from common.web.callers import Caller

URL = "https://chat.agency.example/v1/things"


@pytest.fixture
def holder(clock: FixedClock) -> Holder:
    return Holder(clock)


def verifier_with(issuer: Issuer, clock: FixedClock, **settings: Any) -> TokenVerifier:
    given: dict[str, Any] = {"profile": "embedded", "issuer": issuer.name, "jwks": str(issuer.jwks)}
    return TokenVerifier(ServiceSettings(**(given | settings)), clock)


@pytest.fixture
def verifier(issuer: Issuer, clock: FixedClock) -> TokenVerifier:
    return verifier_with(issuer, clock)


async def test_a_bound_token_with_its_proof_says_who_calls(
    verifier: TokenVerifier, issuer: Issuer, holder: Holder
) -> None:
    token = issuer.mint("agent", cnf=holder.confirmation)
    for url in (
        URL,
        URL + "?q=1",
        "HTTPS://CHAT.agency.example:443/v1/things#x",
        "wss://chat.agency.example/v1/things",
    ):
        principal = await verifier.verify(token, Proof(holder.proof("GET", url, token), "GET", URL))
        assert principal.id == "agent-1"


@pytest.mark.req("S1-001")
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"htm": "POST"}, "another request"),
        ({"htu": "https://elsewhere.example/v1/things"}, "another request"),
        ({"htu": "https://chat.agency.example/v1/others"}, "another request"),
        ({"htu": "http://chat.agency.example/v1/things"}, "another request"),
        ({"htu": "https://[::1/v1"}, "another request"),
        ({"htu": 7}, "another request"),
        ({"ath": "x"}, "another token"),
        ({"ath": None}, "another token"),
        ({"iat": None}, "just now"),
        ({"iat": 1}, "just now"),
        ({"iat": 4102444800}, "just now"),
        ({"iat": "now"}, "just now"),
        ({"iat": float("nan")}, "just now"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": "x" * 257}, "jti"),
        ({"header": {"typ": "JWT"}}, "header"),
        ({"header": {"typ": None}}, "signature"),
        ({"header": {"jwk": None}}, "signature"),
        ({"header": {"jwk": {"kty": "oct", "k": "AAAA"}}}, "public key"),
        ({"header": {"jwk": "x"}}, "signature"),
        ({"header": {"crit": ["exp"], "exp": 1}}, "header"),
    ],
)
async def test_a_proof_that_does_not_hold_is_refused(
    verifier: TokenVerifier, issuer: Issuer, holder: Holder, changed: dict[str, Any], reason: str
) -> None:
    token = issuer.mint("agent", cnf=holder.confirmation)
    proof = holder.proof("GET", URL, token, **changed)
    with pytest.raises(ProofError, match=reason):
        await verifier.verify(token, Proof(proof, "GET", URL))


async def test_a_stolen_token_is_worth_nothing(
    verifier: TokenVerifier, issuer: Issuer, holder: Holder, clock: FixedClock
) -> None:
    token = issuer.mint("agent", cnf=holder.confirmation)
    with pytest.raises(ProofError, match="must show it"):
        await verifier.verify(token)
    thief = Holder(clock)
    with pytest.raises(ProofError, match="another key"):
        await verifier.verify(token, Proof(thief.proof("GET", URL, token), "GET", URL))
    # The holder's public key in the header, signed with the thief's.
    stolen = thief.proof("GET", URL, token, header={"jwk": holder.key.as_dict(private=False)})
    with pytest.raises(ProofError, match="signature"):
        await verifier.verify(token, Proof(stolen, "GET", URL))
    shown = thief.proof("GET", URL, token, header={"jwk": thief.key.as_dict(private=True)})
    with pytest.raises(ProofError, match="public key"):
        await verifier.verify(token, Proof(shown, "GET", URL))


async def test_a_recorded_request_works_no_second_time(
    verifier: TokenVerifier, issuer: Issuer, holder: Holder, clock: FixedClock
) -> None:
    token = issuer.mint("agent", cnf=holder.confirmation)
    proof = Proof(holder.proof("GET", URL, token), "GET", URL)
    await verifier.verify(token, proof)
    with pytest.raises(ProofError, match="before"):
        await verifier.verify(token, proof)
    clock.turn(seconds=61)
    with pytest.raises(ProofError, match="just now"):
        await verifier.verify(token, proof)


async def test_a_token_bound_to_something_else_is_refused(verifier: TokenVerifier, issuer: Issuer) -> None:
    bindings: list[Any] = [{"x5t#S256": "x"}, {"jkt": "x", "x5t#S256": "y"}, {"jkt": 7}, {"jkt": ""}, {}, "x", []]
    for binding in bindings:
        with pytest.raises(UnauthenticatedError, match="bound to something else"):
            await verifier.verify(issuer.mint("agent", cnf=binding))


async def test_a_proof_beside_a_token_that_is_not_bound_is_refused(
    verifier: TokenVerifier, issuer: Issuer, holder: Holder
) -> None:
    """Else the issuer's mistake of not binding would look like protection."""
    token = issuer.mint("agent")
    with pytest.raises(ProofError, match="bound to no key"):
        await verifier.verify(token, Proof(holder.proof("GET", URL, token), "GET", URL))


async def test_bound_tokens_can_be_asked_of_a_role_or_of_everybody(
    issuer: Issuer, clock: FixedClock, holder: Holder
) -> None:
    some = verifier_with(issuer, clock, dpop_required=("privacy_officer",), public_url="https://a.example")
    await some.verify(issuer.mint("agent"))
    with pytest.raises(ProofError, match="must be bound"):
        await some.verify(issuer.mint("privacy_officer"))
    everybody = verifier_with(issuer, clock, dpop_required=("everybody",), public_url="https://a.example")
    with pytest.raises(ProofError, match="must be bound"):
        await everybody.verify(issuer.mint("agent"))
    token = issuer.mint("agent", cnf=holder.confirmation)
    await everybody.verify(token, Proof(holder.proof("GET", URL, token), "GET", URL))
    with pytest.raises(ValueError, match="no role"):
        verifier_with(issuer, clock, dpop_required=("privacy_oficer",), public_url="https://a.example")
    with pytest.raises(ValueError, match="PUBLIC_URL"):
        verifier_with(issuer, clock, dpop_required=("agent",))


async def test_a_nonce_can_be_asked_for(issuer: Issuer, clock: FixedClock, holder: Holder) -> None:
    verifier = verifier_with(issuer, clock, dpop_nonce_key="k" * 32)
    token = issuer.mint("agent", cnf=holder.confirmation)
    for given in (None, "x", 7, "ü"):
        with pytest.raises(ProofError, match="nonce") as caught:
            await verifier.verify(token, Proof(holder.proof("GET", URL, token, nonce=given), "GET", URL))
        assert caught.value.headers["DPoP-Nonce"] == verifier.nonce
        assert "use_dpop_nonce" in caught.value.headers["WWW-Authenticate"]
    nonce = verifier.nonce
    await verifier.verify(token, Proof(holder.proof("GET", URL, token, nonce=nonce), "GET", URL))
    clock.turn(minutes=5)
    await verifier.verify(token, Proof(holder.proof("GET", URL, token, nonce=nonce), "GET", URL))
    clock.turn(minutes=5)
    with pytest.raises(ProofError, match="nonce"):
        await verifier.verify(token, Proof(holder.proof("GET", URL, token, nonce=nonce), "GET", URL))


async def test_processes_remember_together_and_each_by_itself_without_redis(clock: FixedClock) -> None:
    shared = FakeAsyncRedis()
    one, two = SeenProofs(shared), SeenProofs(shared)
    assert await one.is_new("key", "a")
    assert not await one.is_new("key", "a")
    assert not await two.is_new("key", "a")
    assert await two.is_new("another key", "a")

    class Gone:
        async def set(self, *_: object, **__: object) -> None:
            raise redis.exceptions.ConnectionError

    alone = SeenProofs(Gone())  # type: ignore[arg-type]
    assert await alone.is_new("key", "b")
    assert not await alone.is_new("key", "b")


async def test_what_is_remembered_is_bounded_and_never_forgotten_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.dpop.MOST_REMEMBERED", 2)
    now = 1000.0
    monkeypatch.setattr("common.dpop.monotonic", lambda: now)
    seen = SeenProofs(None)
    assert await seen.is_new("k", "1")
    assert await seen.is_new("k", "2")
    with pytest.raises(ProofError, match="too many"):
        await seen.is_new("k", "3")
    assert not await seen.is_new("k", "1")
    now += 131
    assert await seen.is_new("k", "3")


async def test_garbage_is_no_proof(clock: FixedClock) -> None:
    proofs = Proofs(clock)
    for text in ("x" * 4097, "a.b.c", "..", "\ud800"):
        with pytest.raises(ProofError):
            await proofs.check(Proof(text, "GET", URL), token="t", thumbprint="x")


def application(issuer: Issuer, clock: FixedClock) -> FastAPI:
    router = APIRouter()

    @router.get("/v1/things")
    async def things(caller: Caller) -> str:
        return caller.id

    settings = ServiceSettings(
        profile="embedded", issuer=issuer.name, jwks=str(issuer.jwks), public_url="https://chat.agency.example"
    )
    app = create_app(title="t", description="d", routers=[router], checks={}, settings=settings)
    app.state.verifier = TokenVerifier(settings, clock)
    return app


@pytest.fixture
async def client(issuer: Issuer, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application(issuer, clock)) as opened:
        yield opened


async def test_over_http(client: httpx.AsyncClient, issuer: Issuer, holder: Holder) -> None:
    token = issuer.mint("agent", cnf=holder.confirmation)
    headers = {"Authorization": f"DPoP {token}", "DPoP": holder.proof("GET", URL, token)}
    assert (await client.get("/v1/things?x=1", headers=headers)).json() == "agent-1"
    again = await client.get("/v1/things", headers=headers)
    assert again.status_code == 401
    assert again.json()["type"].endswith("/proof-of-possession")
    assert again.headers["www-authenticate"].startswith('DPoP error="invalid_dpop_proof", algs="ES256')
    # Neither as a plain bearer token, nor with two proofs or two tokens, of which one might be looked at and not the other.
    bare = await client.get("/v1/things", headers={"Authorization": f"Bearer {token}"})
    assert bare.status_code == 401
    good = ("DPoP", holder.proof("GET", URL, token))
    twice = [("Authorization", f"DPoP {token}"), good, ("DPoP", holder.proof("GET", URL, token))]
    assert (await client.get("/v1/things", headers=twice)).status_code == 401
    two = [("Authorization", f"DPoP {token}"), ("Authorization", f"DPoP {token}"), good]
    assert (await client.get("/v1/things", headers=two)).status_code == 401
