"""A token counts only with the right signature, issuer, audience and time."""

import json
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from common.auth import DEVELOPMENT_ISSUER, MAX_TOKEN_BYTES, TokenVerifier, bearer
from common.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer


def settings(issuer: Issuer, **changed: str) -> ServiceSettings:
    given = {k.removeprefix("MUNIMENT_").lower(): v for k, v in issuer.environment.items()} | changed
    return ServiceSettings(**given)  # type: ignore[arg-type]


@pytest.fixture
def verifier(issuer: Issuer, clock: FixedClock) -> TokenVerifier:
    return TokenVerifier(settings(issuer), clock)


async def test_a_good_token_says_who_calls(verifier: TokenVerifier, issuer: Issuer) -> None:
    principal = await verifier.verify(issuer.mint("agent", sub="e-7", office="S02"))
    assert (principal.id, principal.roles) == ("e-7", frozenset({"agent"}))
    assert principal.claim("office") == "S02"
    with pytest.raises(ForbiddenError, match="auditor"):
        principal.require("auditor", "privacy_officer")
    principal.require("auditor", "agent")


async def test_unknown_roles_count_for_nothing(verifier: TokenVerifier, issuer: Issuer) -> None:
    assert (await verifier.verify(issuer.mint("root", "agent"))).roles == {"agent"}


@pytest.mark.req("S1-001")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "https://elsewhere.example"}, "issuer"),
        ({"aud": "another"}, "somebody else"),
        ({"lifetime": timedelta(minutes=-5)}, "expired"),
        ({"exp": None}, "expired"),
        ({"nbf": 4102444800}, "not valid yet"),
        ({"sub": 7}, "no subject"),
    ],
)
async def test_a_token_that_proves_nothing_is_refused(
    verifier: TokenVerifier, issuer: Issuer, change: dict[str, object], reason: str
) -> None:
    with pytest.raises(UnauthenticatedError, match=reason):
        await verifier.verify(issuer.mint("customer", **change))  # type: ignore[arg-type]


async def test_a_token_expires_while_the_clock_turns(
    verifier: TokenVerifier, issuer: Issuer, clock: FixedClock
) -> None:
    token = issuer.mint("customer")
    await verifier.verify(token)
    clock.turn(hours=1, minutes=1)
    with pytest.raises(UnauthenticatedError, match="expired"):
        await verifier.verify(token)


async def test_forgeries_are_refused(
    verifier: TokenVerifier, issuer: Issuer, tmp_path: Path, clock: FixedClock
) -> None:
    good = issuer.mint("customer")
    head, body, _ = good.split(".")
    none = jwt.encode({"alg": "none"}, {"sub": "x"}, OctKey.generate_key(), algorithms=["none"])
    public = json.loads(issuer.jwks.read_text())["keys"][0]
    confused = jwt.encode({"alg": "HS256", "kid": "test-1"}, {"sub": "x"}, OctKey.import_key(public["x"]))
    (other := tmp_path / "other").mkdir()
    stranger = Issuer(other, clock).mint("customer")
    for forged in [
        f"{head}.{body}.",
        f"{head}.{body}.AAAA",
        none,
        confused,
        stranger,
        "",
        "a.b.c",
        "x" * (MAX_TOKEN_BYTES + 1),
    ]:
        with pytest.raises(UnauthenticatedError):
            await verifier.verify(forged)


async def test_a_rotated_key_is_found_and_a_failed_fetch_stops_nobody_with_a_cached_key(
    issuer: Issuer, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: dict[str, object] = {"body": json.loads(issuer.jwks.read_text()), "up": True}

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=served["body"]) if served["up"] else httpx.Response(500)

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    verifier = TokenVerifier(settings(issuer, jwks="https://issuer.example/jwks"), clock, client=client)
    await verifier.verify(issuer.mint("agent"))
    served["up"] = False
    await verifier.verify(issuer.mint("agent"))
    (folder := issuer.jwks.parent / "rotated").mkdir()
    rotated = Issuer(folder, clock)
    served |= {"up": True, "body": json.loads(rotated.jwks.read_text())}
    later = time.monotonic() + 6
    monkeypatch.setattr("common.issuer_keys.monotonic", lambda: later)
    await verifier.verify(rotated.mint("agent"))


async def test_no_keys_at_all_is_an_outage_and_no_open_door(issuer: Issuer, clock: FixedClock) -> None:
    verifier = TokenVerifier(settings(issuer, jwks="/nowhere/jwks.json"), clock)
    with pytest.raises(UnavailableError):
        await verifier.verify(issuer.mint("agent"))


def test_the_development_issuer_is_refused_outside_the_embedded_profile(clock: FixedClock) -> None:
    with pytest.raises(ValueError, match="embedded profile only"):
        TokenVerifier(ServiceSettings(issuer=DEVELOPMENT_ISSUER, profile="standard"), clock)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "abc"])
def test_only_a_bearer_header_is_one(header: str | None) -> None:
    with pytest.raises(UnauthenticatedError):
        bearer(header)
