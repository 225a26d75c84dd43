"""Every known way to make a verifier believe a token that the issuer did not sign for it."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from common.auth import KEPT_TOKENS, TokenVerifier
from common.errors import UnauthenticatedError
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer

pytestmark = pytest.mark.req("S1-001")
REGISTRY = jws.JWSRegistry(strict_check_header=False, algorithms=["ES256", "RS256", "EdDSA", "HS256", "ES384"])
REGISTRY.max_header_length = 9000


def claims(issuer: Issuer, clock: FixedClock, **changed: Any) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    payload = {"iss": issuer.name, "aud": "muniment", "sub": "x", "iat": now, "exp": now + 600, "roles": ["agent"]}
    return payload | changed


def signed(header: dict[str, Any], payload: Any, key: Any) -> str:
    return jws.serialize_compact(header, json.dumps(payload), key, registry=REGISTRY)


def part(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.fixture
def trust(tmp_path: Path, issuer: Issuer, clock: FixedClock) -> Callable[[list[dict[str, Any]]], TokenVerifier]:
    """Makes a verifier that trusts these keys."""

    def make(keys: list[dict[str, Any]]) -> TokenVerifier:
        (file := tmp_path / "set.json").write_text(json.dumps({"keys": keys}))
        settings = ServiceSettings(profile="embedded", issuer=issuer.name, jwks=str(file))
        return TokenVerifier(settings, clock)

    return make


@pytest.fixture
def key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "k", "use": "sig", "alg": "ES256"})


Trust = Callable[[list[dict[str, Any]]], TokenVerifier]


@pytest.fixture
def verifier_of_key(trust: Trust, key: ECKey) -> tuple[TokenVerifier, ECKey]:
    return trust([key.as_dict(private=False)]), key


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"b64": False, "crit": ["b64"]},
        {"typ": "dpop+jwt"},
        {"typ": "logout+jwt"},
        {"typ": 7},
        {"kid": ["k"]},
        {"kid": {"k": 1}},
    ],
)
async def test_a_header_that_asks_for_something_else_is_refused(
    trust: Trust, key: ECKey, issuer: Issuer, clock: FixedClock, header: dict[str, Any]
) -> None:
    verifier = trust([key.as_dict(private=False)])
    head = part({"alg": "ES256", "kid": "k"} | header)
    body = part(claims(issuer, clock))
    raw = key.get_op_key("sign")
    signature = jws.JWSRegistry.algorithms["ES256"].sign(f"{head}.{body}".encode(), key)
    assert raw is not None
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(f"{head}.{body}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}")


@pytest.mark.parametrize("kind", ["JWT", "at+jwt", "application/at+jwt", None])
async def test_an_access_token_may_say_that_it_is_one(
    trust: Trust, key: ECKey, issuer: Issuer, clock: FixedClock, kind: str | None
) -> None:
    header = {"alg": "ES256", "kid": "k"} | ({"typ": kind} if kind else {})
    assert (await trust([key.as_dict(private=False)]).verify(signed(header, claims(issuer, clock), key))).id == "x"


@pytest.mark.parametrize("place", ["jwk", "jku", "x5u"])
async def test_where_a_token_says_its_key_is_is_not_asked(
    trust: Trust, key: ECKey, issuer: Issuer, clock: FixedClock, place: str
) -> None:
    mine = ECKey.generate_key("P-256")
    pointer = mine.as_dict(private=False) if place == "jwk" else "https://attacker.example/keys"
    with pytest.raises(UnauthenticatedError, match="signature"):
        await trust([key.as_dict(private=False)]).verify(
            signed({"alg": "ES256", "kid": "k", place: pointer}, claims(issuer, clock), mine)
        )


async def test_a_public_key_is_no_secret(trust: Trust, issuer: Issuer, clock: FixedClock) -> None:
    """HS256 over the published key is the oldest forgery; nor does a symmetric key in the set make it one."""
    rsa = RSAKey.generate_key(2048, {"kid": "k"})
    shared = OctKey.generate_key(256, {"kid": "oct"})
    verifier = trust([rsa.as_dict(private=False), shared.as_dict(private=True)])
    for secret, kid in ((rsa.as_pem(private=False), "k"), (shared.raw_value, "oct")):
        text = f"{part({'alg': 'HS256', 'kid': kid})}.{part(claims(issuer, clock))}"
        forged = hmac.digest(bytes(secret), text.encode(), "sha256")
        with pytest.raises(UnauthenticatedError, match="algorithm"):
            await verifier.verify(f"{text}.{urlsafe_b64encode(forged).rstrip(b'=').decode()}")


async def test_keys_that_are_too_weak_or_for_something_else_sign_nothing(
    trust: Trust, key: ECKey, issuer: Issuer, clock: FixedClock
) -> None:
    short = RSAKey.generate_key(1024, {"kid": "short"})
    sealing = ECKey.generate_key("P-256", {"kid": "sealing", "use": "enc"})
    other = OKPKey.generate_key("Ed25519", {"kid": "other", "alg": "ES256"})
    verifier = trust([k.as_dict(private=False) for k in (key, short, sealing, other)])
    for forger, algorithm in ((short, "RS256"), (sealing, "ES256"), (other, "EdDSA")):
        sealed = forger.as_dict(private=True)
        sealed.pop("use", None)
        sealed.pop("alg", None)
        signer = type(forger).import_key(sealed)
        with pytest.raises(UnauthenticatedError):
            await verifier.verify(signed({"alg": algorithm, "kid": forger.kid}, claims(issuer, clock), signer))


async def test_two_keys_of_one_id_are_both_asked(trust: Trust, key: ECKey, issuer: Issuer, clock: FixedClock) -> None:
    twin = ECKey.generate_key("P-256", {"kid": "k"})
    verifier = trust([key.as_dict(private=False), twin.as_dict(private=False)])
    for signer in (key, twin):
        assert await verifier.verify(signed({"alg": "ES256", "kid": "k"}, claims(issuer, clock), signer))
    with pytest.raises(UnauthenticatedError):
        stranger = ECKey.generate_key("P-256")
        await verifier.verify(signed({"alg": "ES256", "kid": "k"}, claims(issuer, clock), stranger))


async def test_a_token_without_a_key_id_is_taken_only_where_one_key_can_be_meant(
    trust: Trust, key: ECKey, issuer: Issuer, clock: FixedClock
) -> None:
    token = signed({"alg": "ES256"}, claims(issuer, clock), key)
    assert await trust([key.as_dict(private=False)]).verify(token)
    other = ECKey.generate_key("P-256", {"kid": "other"})
    with pytest.raises(UnauthenticatedError):
        await trust([key.as_dict(private=False), other.as_dict(private=False)]).verify(token)


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["4102444800", True, float("inf"), float("nan"), [1], {}, 1e300])
async def test_a_time_that_is_none_is_refused(
    verifier_of_key: tuple[TokenVerifier, ECKey], issuer: Issuer, clock: FixedClock, name: str, value: object
) -> None:
    verifier, key = verifier_of_key
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(signed({"alg": "ES256", "kid": "k"}, claims(issuer, clock, **{name: value}), key))


@pytest.mark.parametrize("payload", ["text", [], 7, None])
async def test_a_payload_that_is_no_object_is_refused(trust: Trust, key: ECKey, payload: object) -> None:
    with pytest.raises(UnauthenticatedError):
        await trust([key.as_dict(private=False)]).verify(signed({"alg": "ES256", "kid": "k"}, payload, key))


async def test_garbage_in_a_header_is_refused(trust: Trust, key: ECKey) -> None:
    verifier = trust([key.as_dict(private=False)])
    deep = urlsafe_b64encode(b"[" * 5000).decode()
    for text in (f"{deep}.e30.AA", f"{part([])}.e30.AA", f"{part('x')}.e30.AA", "\ud800.e30.AA", "e30..", "."):
        with pytest.raises(UnauthenticatedError):
            await verifier.verify(text)


async def test_an_issuer_that_is_not_set_is_nobody(tmp_path: Path, key: ECKey, clock: FixedClock) -> None:
    (file := tmp_path / "set.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    payload = claims(Issuer(tmp_path, clock), clock, iss="")
    with pytest.raises(UnauthenticatedError, match="issuer"):
        token = signed({"alg": "ES256", "kid": "k"}, payload, key)
        await TokenVerifier(ServiceSettings(jwks=str(file)), clock).verify(token)


async def test_a_token_is_checked_once_and_not_for_longer_than_it_holds(
    trust: Trust, key: ECKey, issuer: Issuer, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = trust([key.as_dict(private=False)])
    token = signed({"alg": "ES256", "kid": "k"}, claims(issuer, clock), key)
    first = await verifier.verify(token)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("checked again")

    with monkeypatch.context() as patched:
        patched.setattr("common.auth.jwt.decode", refuse)
        assert await verifier.verify(token) is first
    for tampered in (token[:-2] + "AA", token + "=", token.replace(".", "..", 1)):
        with pytest.raises(UnauthenticatedError):
            await verifier.verify(tampered)
    clock.turn(minutes=11)
    with pytest.raises(UnauthenticatedError, match="expired"):
        await verifier.verify(token)
    assert not verifier._verified


async def test_what_is_remembered_of_tokens_is_bounded(
    trust: Trust, key: ECKey, issuer: Issuer, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.auth.KEPT_TOKENS", 3)
    verifier = trust([key.as_dict(private=False)])
    for number in range(5):
        await verifier.verify(signed({"alg": "ES256", "kid": "k"}, claims(issuer, clock, n=number), key))
    assert len(verifier._verified) == 3
    assert KEPT_TOKENS == 4096
