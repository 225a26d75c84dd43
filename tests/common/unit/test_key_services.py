"""The key services of agencies, against stand-ins that speak their APIs: one suite of behaviour, then each one's own."""

import os
from pathlib import Path

import pytest

from common.protection.aws import AwsKeyService, signing_key
from common.protection.errors import KeyServiceDeniedError, KeyServiceUnavailableError
from common.protection.key_file import FileKeyService
from common.protection.key_service import KeyService, Plain, Wrapped
from common.protection.making import make_key_service, make_keyring
from common.protection.vault import VaultKeyService
from common.settings import ServiceSettings
from common.testing import FixedClock
from tests.common.unit.key_stand_ins import Kms, StandIn, Vault

GOOD = "good"
LONG_LIVED = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": Kms.SECRETS["AKIDEXAMPLE"]}
POD = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/credentials",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "pod-token",
}


def vault(server: Vault, token: str = GOOD, key: str = "muniment-events", **more: str) -> VaultKeyService:
    return VaultKeyService("http://vault", key, token=token, transport=server.transport, **more)


def kms(
    server: Kms, clock: FixedClock, environment: dict[str, str] = LONG_LIVED, key: str = "alias/muniment-events"
) -> AwsKeyService:
    return AwsKeyService(
        key,
        region="us-gov-west-1",
        clock=clock,
        environment=environment,
        endpoint="http://kms.local",
        transport=server.transport,
    )


@pytest.fixture(params=["vault", "aws", "aws from a container"])
def pair(request: pytest.FixtureRequest, clock: FixedClock) -> tuple[StandIn, KeyService]:
    if request.param == "vault":
        return (server := Vault()), vault(server)
    cloud = Kms(clock.now())
    return cloud, kms(cloud, clock, POD if "container" in request.param else LONG_LIVED)


async def test_what_is_wrapped_opens_with_its_context_only(pair: tuple[StandIn, KeyService]) -> None:
    _, service = pair
    keys = [Plain(os.urandom(32), f"muniment data key {n}") for n in range(5)]
    wrapped = await service.wrap(keys)
    assert await service.unwrap(wrapped) == [key.secret for key in keys]
    assert len({w.text for w in wrapped}) == 5
    with pytest.raises(KeyServiceDeniedError):
        await service.unwrap([wrapped[0], Wrapped(wrapped[1].text, wrapped[2].context)])
    assert (await service.wrap([]), await service.unwrap([])) == ([], [])
    await service.close()


async def test_an_outage_is_an_outage_and_passes(pair: tuple[StandIn, KeyService]) -> None:
    server, service = pair
    (wrapped,) = await service.wrap([Plain(b"k" * 32, "c")])
    server.down = True
    for asked in (service.wrap([Plain(b"k" * 32, "c")]), service.unwrap([wrapped])):
        with pytest.raises(KeyServiceUnavailableError) as refused:
            await asked
        assert isinstance(refused.value, OSError), "consumers and connections wait for what is an OSError"
    server.down = False
    assert await service.unwrap([wrapped]) == [b"k" * 32]


async def test_nobody_there_is_an_outage_too(clock: FixedClock) -> None:
    nowhere = "http://127.0.0.1:9"
    for service in (
        VaultKeyService(nowhere, "k", token="t"),
        AwsKeyService("k", region="r", clock=clock, endpoint=nowhere, environment=LONG_LIVED),
    ):
        with pytest.raises(KeyServiceUnavailableError):
            await service.wrap([Plain(b"k" * 32, "c")])
        await service.close()


async def test_vault_refuses_a_token_without_the_right_and_a_key_that_is_not_there(tmp_path: Path) -> None:
    server = Vault()
    for service in (vault(server, token="bad"), vault(server, key="muniment-other")):
        with pytest.raises(KeyServiceDeniedError):
            await service.wrap([Plain(b"k" * 32, "c")])
    (tmp_path / "token").write_text("bad\n")
    from_file = vault(server, token="", token_file=str(tmp_path / "token"))
    with pytest.raises(KeyServiceDeniedError):
        await from_file.newest()
    (tmp_path / "token").write_text("good\n")
    assert await from_file.newest() == 1


async def test_vault_rotates_and_what_the_trimmed_version_wrapped_stays_shut() -> None:
    server = Vault()
    service = vault(server)
    (old,) = await service.wrap([Plain(b"k" * 32, "c")])
    assert await service.rotate() == 2
    (new,) = await service.wrap([Plain(b"k" * 32, "c")])
    assert (service.version_of(old.text), service.version_of(new.text), service.version_of("file:1:x")) == (1, 2, 0)
    assert await service.unwrap([old, new]) == [b"k" * 32] * 2
    await service.retire(2)
    assert await service.unwrap([new]) == [b"k" * 32]
    with pytest.raises(KeyServiceDeniedError):
        await service.unwrap([old])


async def test_vault_is_asked_in_portions() -> None:
    server = Vault()
    service = vault(server)
    wrapped = await service.wrap([Plain(bytes([n % 256]) * 32, str(n)) for n in range(450)])
    assert server.asked == ["encrypt/muniment-events"] * 3
    assert [k[0] for k in await service.unwrap(wrapped)] == [n % 256 for n in range(450)]


def test_the_signing_key_is_the_one_that_aws_publishes_as_an_example() -> None:
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    published = "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"
    assert signing_key(secret, "20120215", "us-east-1", "iam").hex() == published


async def test_kms_refuses_a_wrong_secret_and_what_the_role_may_not(clock: FixedClock) -> None:
    server = Kms(clock.now())
    wrong = kms(server, clock, LONG_LIVED | {"AWS_SECRET_ACCESS_KEY": "another"})
    elsewhere = kms(server, clock, key="alias/other")
    for service in (wrong, elsewhere, kms(server, clock, {})):
        with pytest.raises(KeyServiceDeniedError):
            await service.wrap([Plain(b"k" * 32, "c")])
    with pytest.raises(KeyServiceDeniedError, match="AccessDenied"):
        await kms(server, clock).rotate()
    server.allowed.add("RotateKeyOnDemand")
    assert await kms(server, clock).rotate() == 0
    with pytest.raises(KeyServiceDeniedError, match="another key"):
        await kms(server, clock).retire(2)


async def test_a_busy_kms_is_waited_for(clock: FixedClock) -> None:
    server = Kms(clock.now())
    server.throttled = True
    with pytest.raises(KeyServiceUnavailableError, match="Throttling"):
        await kms(server, clock).wrap([Plain(b"k" * 32, "c")])


async def test_credentials_of_a_container_are_fetched_anew_before_they_run_out(clock: FixedClock) -> None:
    server = Kms(clock.now())
    service = kms(server, clock, POD)
    await service.wrap([Plain(b"k" * 32, "c")])
    await service.wrap([Plain(b"k" * 32, "c")])
    assert server.asked.count("credentials") == 1
    server.now = clock.turn(minutes=56)
    await service.wrap([Plain(b"k" * 32, "c")])
    assert server.asked.count("credentials") == 2


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"key_folder": "/keys"}, FileKeyService),
        ({"key_service": "vault", "vault_url": "https://vault"}, VaultKeyService),
        ({"key_service": "aws", "aws_region": "us-gov-west-1"}, AwsKeyService),
    ],
)
def test_the_settings_choose_the_key_service(settings: dict[str, str], kind: type[KeyService]) -> None:
    assert isinstance(make_key_service(ServiceSettings(**settings), "events"), kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{}, {"key_service": "vault"}, {"key_service": "aws"}])
def test_without_a_place_for_the_keys_nothing_starts(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="MUNIMENT_"):
        make_key_service(ServiceSettings(**settings), "events")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="MUNIMENT_KEYRING_URL"):
        make_keyring(ServiceSettings(key_folder="/keys"), application="test")
