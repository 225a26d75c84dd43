"""The keyring in its own database: issued, opened by whoever may, destroyed, wrapped anew."""

import asyncio
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from common.contracts.envelope import Envelope, EventData, encode
from common.errors import UnavailableError
from common.ids import new_id
from common.protection import keyring_store
from common.protection.errors import KeyDestroyedError, KeyServiceDeniedError, KeyServiceUnavailableError
from common.protection.events import seal_fact
from common.protection.key_file import FileKeyService
from common.protection.keyring import StoredKeyring
from tests.plugins.kit import KeyringPlace
from tests.plugins.messaging import AT, action


def opened(place: KeyringPlace, folder: Path, role: str = "chat_gateway", *, ahead: int = 4) -> StoredKeyring:
    return StoredKeyring(place.users[role], FileKeyService(folder / "events.json"), application="test", ahead=ahead)


async def test_what_one_service_seals_another_opens(keyring_place: KeyringPlace, key_folder: Path) -> None:
    gateway, transcripts = opened(keyring_place, key_folder), opened(keyring_place, key_folder, "transcripts")
    keys = [await gateway.take() for _ in range(9)]
    sealed = {key.id: key.seal(b"said", b"here") for key in keys}
    found = await transcripts.find([*sealed, new_id()])
    assert {key_id: found[key_id].open(one, b"here") for key_id, one in sealed.items()} == dict.fromkeys(
        sealed, b"said"
    )
    assert len(found) == len(sealed) == 9, "each key is given once, and one never issued is missing"
    assert b"100001" not in encode(envelope(seal_fact(action("told"), found[keys[0].id]))).value
    await gateway.close()
    await transcripts.close()


def envelope(fact: EventData) -> Envelope[EventData]:
    return Envelope(new_id(), fact.event_type, "/muniment/test", fact.key, AT, fact)


async def test_keys_at_hand_go_on_while_the_keyring_is_out_of_reach(
    key_folder: Path, keyring_place: KeyringPlace
) -> None:
    keyring = opened(keyring_place, key_folder, ahead=2)
    key = await keyring.take()
    sealed = key.seal(b"said", b"here")
    await keyring.take()
    while keyring._issuing is not None and not keyring._issuing.done():
        await asyncio.sleep(0.01)
    keyring._url = "postgresql://nobody@127.0.0.1:1/none"
    if keyring._pool is not None:
        await keyring._pool.close()
        keyring._pool = None
    await keyring.take()
    assert (await keyring.find([key.id]))[key.id].open(sealed, b"here") == b"said"
    with pytest.raises(KeyServiceUnavailableError):
        await keyring.find([new_id()])
    with pytest.raises(UnavailableError):
        for _ in range(5):
            await keyring.take()
    await keyring.close()


async def test_a_destroyed_key_leaves_when_and_why_and_is_honoured_by_who_holds_it(
    keyring_place: KeyringPlace, key_folder: Path
) -> None:
    holder, later = opened(keyring_place, key_folder), opened(keyring_place, key_folder, "transcripts")
    kept, doomed = await holder.take(), await holder.take()
    gone = await keyring_store.destroy(keyring_place.owner, [doomed.id], reason="n1-47-10-1", by="officer-1")
    assert gone == {doomed.id}
    assert await keyring_store.destroy(keyring_place.owner, [doomed.id], reason="again", by="officer-2") == set()
    await holder.honour_destroyed()
    for key in (doomed, (await later.find([doomed.id]))[doomed.id]):
        with pytest.raises(KeyDestroyedError, match="n1-47-10-1"):
            key.seal(b"x", b"y")
    kept.check()
    connection = await asyncpg.connect(keyring_place.owner)
    row = await connection.fetchrow("SELECT * FROM data_key WHERE id = $1", doomed.id)
    assert row is not None
    assert (row["wrapped"], row["destroyed_by"], row["reason"]) == (None, "officer-1", "n1-47-10-1")
    for change in (
        "UPDATE data_key SET wrapped = 'x', destroyed_at = NULL WHERE id = $1",
        "DELETE FROM data_key WHERE id = $1",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute(change, doomed.id)
    await connection.close()
    with pytest.raises(ValueError, match="code"):
        await keyring_store.destroy(keyring_place.owner, [kept.id], reason="Because Jane Smith asked", by="x")
    await holder.close()
    await later.close()


async def test_the_watch_honours_what_was_destroyed(
    keyring_place: KeyringPlace, key_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.protection.keyring.HONOURED_WITHIN", 1.05)
    holder = opened(keyring_place, key_folder)
    key = await holder.take()
    await keyring_store.destroy(keyring_place.owner, [key.id], reason="test", by="x")
    async with asyncio.timeout(30):
        while key.living:
            await asyncio.sleep(0.02)
    await holder.close()


async def test_services_may_add_and_read_keys_and_nothing_else(keyring_place: KeyringPlace, key_folder: Path) -> None:
    keyring = opened(keyring_place, key_folder)
    key = await keyring.take()
    connection = await asyncpg.connect(keyring_place.users["chat_gateway"])
    for forbidden in (
        "UPDATE data_key SET wrapped = NULL",
        "DELETE FROM data_key",
        "TRUNCATE data_key",
        "SELECT destroy_keys('{}', 'x1', 'y')",
        "CREATE TABLE mine (id int)",
        "INSERT INTO data_key (id, wrapped, issuer) VALUES (gen_random_uuid(), 'x', 'somebody else')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(forbidden)
    issuer = await connection.fetchval("SELECT issuer FROM data_key WHERE id = $1", key.id)
    assert issuer == "chat_gateway"
    await connection.close()
    await keyring.close()


async def test_a_wrapped_key_opens_under_its_own_id_only(keyring_place: KeyringPlace, key_folder: Path) -> None:
    keyring = opened(keyring_place, key_folder)
    one, other = await keyring.take(), await keyring.take()
    connection = await asyncpg.connect(keyring_place.owner)
    wrapped = await connection.fetchval("SELECT wrapped FROM data_key WHERE id = $1", one.id)
    await connection.execute("UPDATE data_key SET wrapped = $2 WHERE id = $1", other.id, wrapped)
    await connection.close()
    with pytest.raises(KeyServiceDeniedError):
        await opened(keyring_place, key_folder).find([other.id])
    await keyring.close()


async def test_after_a_rotation_old_backups_of_the_keyring_open_nothing(
    keyring_place: KeyringPlace, key_folder: Path
) -> None:
    service, keyring = FileKeyService(key_folder / "events.json"), opened(keyring_place, key_folder, ahead=700)
    key = await keyring.take()
    sealed = key.seal(b"said", b"here")
    backup = await wrapped_of(keyring_place, key.id)
    await service.rotate()
    assert await keyring_store.rewrap(keyring_place.owner, service) == 700
    assert await keyring_store.rewrap(keyring_place.owner, service) == 0
    await service.retire(2)
    assert (await keyring_store.count(keyring_place.owner, service)).versions == {2: 700}
    fresh = opened(keyring_place, key_folder)
    assert (await fresh.find([key.id]))[key.id].open(sealed, b"here") == b"said"
    await put_back(keyring_place, key.id, backup)
    with pytest.raises(KeyServiceDeniedError, match="gone"):
        await opened(keyring_place, key_folder).find([key.id])
    await keyring.close()
    await fresh.close()


async def wrapped_of(place: KeyringPlace, key_id: UUID) -> str:
    connection = await asyncpg.connect(place.owner)
    try:
        return str(await connection.fetchval("SELECT wrapped FROM data_key WHERE id = $1", key_id))
    finally:
        await connection.close()


async def put_back(place: KeyringPlace, key_id: UUID, wrapped: str) -> None:
    connection = await asyncpg.connect(place.owner)
    try:
        await connection.execute("UPDATE data_key SET wrapped = $2 WHERE id = $1", key_id, wrapped)
    finally:
        await connection.close()
