"""The development issuer's tokens pass the services' own check, and carry what each role's token must."""

from pathlib import Path
from typing import Any

import pytest

from common.auth import ROLES, TokenVerifier
from common.errors import UnauthenticatedError
from common.settings import ServiceSettings
from common.testing import FixedClock
from muniment.errors import PlainError
from muniment.home import Home
from muniment.tokens import EMPLOYEES, EVERY_ROLE, Issuer, claims_from


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def verifier(issuer: Issuer, clock: FixedClock) -> TokenVerifier:
    settings = ServiceSettings(
        profile="embedded", issuer="https://issuer.muniment.localhost", audience="muniment", jwks=str(issuer.jwks)
    )
    return TokenVerifier(settings, clock)


def test_there_is_a_token_for_every_role_that_services_know() -> None:
    assert set(EVERY_ROLE) == ROLES


@pytest.mark.parametrize("role", EVERY_ROLE)
async def test_services_accept_the_token_of_each_role(home: Home, clock: FixedClock, role: str) -> None:
    issuer = Issuer(home, clock)
    principal = await verifier(issuer, clock).verify(issuer.mint(role))
    assert principal.roles == {role}
    if role in EMPLOYEES:
        for name in ("pin", "office", "region", "training_date", "sanctions_date"):
            assert principal.claim(name)
    if role == "customer":
        assert principal.claims["ial"] == 2


async def test_a_token_is_good_for_twelve_hours(home: Home, clock: FixedClock) -> None:
    issuer = Issuer(home, clock)
    token = issuer.mint("agent")
    clock.turn(hours=11, minutes=59)
    await verifier(issuer, clock).verify(token)
    clock.turn(minutes=2)
    with pytest.raises(UnauthenticatedError, match="expired"):
        await verifier(issuer, clock).verify(token)


async def test_the_key_stays_from_start_to_start_and_is_its_own_in_each_folder(
    tmp_path: Path, clock: FixedClock
) -> None:
    first, again = Issuer(Home(tmp_path / "a"), clock), Issuer(Home(tmp_path / "a"), clock)
    await verifier(again, clock).verify(first.mint("agent"))
    with pytest.raises(UnauthenticatedError):
        await verifier(Issuer(Home(tmp_path / "b"), clock), clock).verify(first.mint("agent"))


def test_only_the_owner_can_read_key_and_tokens_and_the_public_part_holds_no_key(home: Home, clock: FixedClock) -> None:
    issuer = Issuer(home, clock)
    files = [home.issuer / "private.json", *issuer.write_tokens(home.tokens).values()]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert '"d"' not in issuer.jwks.read_text()


async def test_claims_take_the_place_of_the_usual_ones(home: Home, clock: FixedClock) -> None:
    issuer = Issuer(home, clock)
    claims: dict[str, Any] = claims_from(["office=S99", "ial=1", "pin=null"])
    principal = await verifier(issuer, clock).verify(issuer.mint("agent,supervisor", sub="x", **claims))
    assert principal.id == "x"
    assert principal.roles == {"agent", "supervisor"}
    assert principal.claim("office") == "S99"
    assert principal.claims["ial"] == 1
    assert "pin" not in principal.claims


def test_what_makes_no_token_is_refused_in_a_sentence(home: Home, clock: FixedClock) -> None:
    with pytest.raises(PlainError, match="There is no role king"):
        Issuer(home, clock).mint("king")
    with pytest.raises(PlainError, match="NAME=VALUE"):
        claims_from(["office"])
    (home.issuer / "private.json").write_text('{"kty": "EC"}')
    with pytest.raises(PlainError, match="is damaged"):
        Issuer(home, clock)
