"""A service's own keys: columns and blind indexes, in versions."""

from pathlib import Path

import asyncpg
import pytest

from common.protection.errors import KeyServiceDeniedError, KeyServiceUnavailableError, TamperedError
from common.protection.key_file import FileKeyService
from common.protection.service_keys import READ_AGAIN, SERVICE_KEY_V1, TAKES_EFFECT, ServiceKeys, version_of
from common.testing import FixedClock


@pytest.fixture
async def store(url: str) -> str:
    connection = await asyncpg.connect(url)
    await connection.execute(SERVICE_KEY_V1)
    await connection.close()
    return url


def process(store: str, folder: Path, clock: FixedClock, service: str = "production") -> ServiceKeys:
    return ServiceKeys(service, store, FileKeyService(folder / "production.json"), clock)


async def test_every_process_has_the_same_keys(store: str, key_folder: Path, clock: FixedClock) -> None:
    first = await process(store, key_folder, clock).ready()
    second = await process(store, key_folder, clock).ready()
    assert second.open(first.seal("100001", "employee.pin|7"), "employee.pin|7") == "100001"
    assert first.blind("pin", " 100001 ") == second.blind("pin", "100001")
    assert first.blind("pin", "100001") != first.blind("account", "100001")
    with pytest.raises(TamperedError):
        second.open(first.seal("100001", "employee.pin|7"), "employee.pin|8")


async def test_another_service_cannot_use_them(store: str, key_folder: Path, clock: FixedClock) -> None:
    await process(store, key_folder, clock).ready()
    with pytest.raises(KeyServiceDeniedError):
        await process(store, key_folder, clock, "disclosure").ready()


async def test_a_new_version_is_written_with_when_every_process_knows_it(
    store: str, key_folder: Path, clock: FixedClock
) -> None:
    rotating, running = process(store, key_folder, clock), process(store, key_folder, clock)
    before = await running.ready()
    old_value, old_index = before.seal("100001", "x"), before.blind("pin", "100001")
    assert await rotating.add_version() == 2
    assert version_of((await rotating.ready()).seal("100001", "x")) == 1
    clock.turn(seconds=READ_AGAIN.total_seconds())
    assert (await running.ready()).newest == 1, "not yet: another process may not have read it"
    clock.turn(seconds=TAKES_EFFECT.total_seconds())
    now = await running.ready()
    assert version_of(now.seal("100001", "x")) == 2
    assert now.open(old_value, "x") == "100001"
    assert old_index in now.blinds("pin", "100001")
    assert now.blind("pin", "100001") in now.blinds("pin", "100001")
    await running.retire(2)
    with pytest.raises(TamperedError):
        (await running.ready()).open(old_value, "x")


async def test_versions_survive_a_rotation_of_the_wrapping_key(store: str, key_folder: Path, clock: FixedClock) -> None:
    keys, wrapping = process(store, key_folder, clock), FileKeyService(key_folder / "production.json")
    sealed = (await keys.ready()).seal("100001", "x")
    await wrapping.rotate()
    await keys.rewrap()
    await wrapping.retire(2)
    assert (await process(store, key_folder, clock).ready()).open(sealed, "x") == "100001"


async def test_an_outage_of_the_key_service_stops_nobody_who_has_read_the_versions(
    store: str, key_folder: Path, clock: FixedClock
) -> None:
    keys = process(store, key_folder, clock)
    sealed = (await keys.ready()).seal("100001", "x")
    (key_folder / "production.json").rename(key_folder / "away.json")
    clock.turn(hours=3)
    assert (await keys.ready()).open(sealed, "x") == "100001"
    with pytest.raises(KeyServiceUnavailableError):
        await process(store, key_folder, clock).ready()
