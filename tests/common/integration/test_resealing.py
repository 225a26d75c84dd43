"""Rows under a service's own key get a new version while others read and write them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest

from common.database import Database, ReadSession, fetch_all
from common.protection.key_file import FileKeyService
from common.protection.resealing import SETTLED, HeldError, Kept, Known, Progress, Rewriter, of_older_versions, retire
from common.protection.service_keys import SEALED_ANEW_V1, SERVICE_KEY_V1, ColumnKeys, ServiceKeys, version_of
from common.settings import ServiceSettings
from common.testing import FixedClock

TABLES = """
CREATE TABLE person (id int PRIMARY KEY, name bytea NOT NULL, who bytea NOT NULL UNIQUE, remark text NOT NULL DEFAULT '');
"""
STAYS = """
CREATE TRIGGER stays BEFORE UPDATE ON person FOR EACH ROW EXECUTE FUNCTION sealed_anew_only('name', 'who');
"""


def name_of(row: asyncpg.Record) -> str:
    return f"person.name|{row['id']}"


async def behind(_: ReadSession, keys: ColumnKeys, rows: Sequence[asyncpg.Record]) -> list[Known]:
    """Those with an odd number are known by their name; what 4 was is destroyed; of 6 nothing is known for now."""
    found = []
    for row in rows:
        value = keys.open(row["name"], name_of(row))
        found.append(Known([("other", value), ("name", value)] if row["id"] != 6 else (), gone=row["id"] == 4))
    return found


PERSON = Kept("person", {"id": "int"}, {"name": name_of}, {"who": behind})


class Office:
    """A store with the people of an office under the service's key."""

    def __init__(self, url: str, folder: Path, clock: FixedClock) -> None:
        self.url = url
        self.database = Database(ServiceSettings(database_url=url), application="test")
        self.keys = ServiceKeys("production", url, FileKeyService(folder / "production.json"), clock)
        self.clock = clock

    async def execute(self, sql: str, *values: object) -> list[asyncpg.Record]:
        async with self.database.unit_of_work() as session:
            return list(await fetch_all(session, sql, *values))

    async def add(self, *ids: int) -> None:
        keys = await self.keys.ready()
        for number in ids:
            name = f"Person {number}"
            values = (number, keys.seal(name, f"person.name|{number}"), keys.blind("name", name))
            await self.execute("INSERT INTO person (id, name, who) VALUES ($1, $2, $3)", *values)

    async def new_version(self) -> ColumnKeys:
        await self.keys.add_version()
        self.clock.turn(seconds=SETTLED.total_seconds() * 3)
        return await self.keys.ready()

    async def versions(self) -> dict[int, tuple[int, int]]:
        rows = await self.execute("SELECT * FROM person ORDER BY id")
        return {row["id"]: (version_of(row["name"]), version_of(row["who"])) for row in rows}

    async def found(self, number: int) -> bool:
        """Whether the name leads to the row, and the row to the name."""
        keys = await self.keys.ready()
        sql = "SELECT * FROM person WHERE who = ANY($1::bytea[])"
        rows = await self.execute(sql, keys.blinds("name", f"Person {number}"))
        return [(r["id"], keys.open(r["name"], name_of(r))) for r in rows] == [(number, f"Person {number}")]


@pytest.fixture
async def office(url: str, key_folder: Path, clock: FixedClock) -> AsyncIterator[Office]:
    connection = await asyncpg.connect(url)
    await connection.execute(SERVICE_KEY_V1 + SEALED_ANEW_V1 + TABLES)
    await connection.close()
    office = Office(url, key_folder, clock)
    yield office
    await office.keys.close()
    await office.database.close()


async def test_every_row_gets_the_new_version_and_the_old_one_can_go(office: Office) -> None:
    await office.add(*range(11, 42))
    keys = await office.new_version()
    with pytest.raises(HeldError, match=r"person \(31\)"):
        await retire(office.database, office.keys, [PERSON], now=office.clock.now())
    told: list[int] = []
    rewriter = Rewriter(office.database, keys, told=lambda p: told.append(p.done), batch=10)
    assert await rewriter.reseal(PERSON) == Progress("person", found=31, done=31)
    assert told == [10, 20, 30, 31]
    assert set((await office.versions()).values()) == {(2, 2)}
    assert await rewriter.reseal(PERSON) == Progress("person", found=0)
    assert await retire(office.database, office.keys, [PERSON], now=office.clock.now()) == 2
    assert [v.number for v in await office.keys.versions()] == [2]
    assert all([await office.found(n) for n in (11, 25, 41)])


async def test_nothing_is_retired_while_a_process_may_still_write_with_it(office: Office) -> None:
    await office.add(11)
    await office.keys.add_version()
    with pytest.raises(HeldError, match="Version 2 is written with everywhere from"):
        await retire(office.database, office.keys, [], now=office.clock.now())
    assert [v.number for v in await office.keys.versions()] == [1, 2]


async def test_killed_in_the_middle_the_next_run_goes_on_and_everything_is_found_meanwhile(office: Office) -> None:
    await office.add(*range(11, 31))
    keys = await office.new_version()

    def kill(progress: Progress) -> None:
        if progress.done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await Rewriter(office.database, keys, told=kill, batch=5).reseal(PERSON)
    versions = list((await office.versions()).values())
    assert versions == [(2, 2)] * 10 + [(1, 1)] * 10
    assert all([await office.found(n) for n in range(11, 31)])
    assert await Rewriter(office.database, keys, batch=5).reseal(PERSON) == Progress("person", found=10, done=10)


async def test_two_at_once_disturb_neither_each_other_nor_writers(office: Office) -> None:
    await office.add(*range(11, 51))
    keys = await office.new_version()
    holder = await asyncpg.connect(office.url)
    held = holder.transaction()
    await held.start()
    await holder.execute("UPDATE person SET remark = 'moved' WHERE id = 20")
    anew = keys.seal("Person 30", "person.name|30")

    async def write() -> None:
        """Somebody changes one row while it is in work, and lets go of another."""
        await office.execute("UPDATE person SET name = $1, remark = 'changed' WHERE id = 30", anew)
        await asyncio.sleep(0.1)
        await held.commit()

    first, second, _ = await asyncio.gather(
        Rewriter(office.database, keys, batch=7).reseal(PERSON),
        Rewriter(office.database, keys, batch=9).reseal(PERSON),
        write(),
    )
    await holder.close()
    assert (first.left, second.left) == (0, 0)
    assert first.done + second.done in {39, 40}, "each row once, but for the one that its writer may have brought over"
    assert set((await office.versions()).values()) == {(2, 2)}
    remarks = await office.execute("SELECT remark FROM person WHERE remark <> '' ORDER BY id")
    assert [row["remark"] for row in remarks] == ["moved", "changed"]
    assert all([await office.found(n) for n in range(11, 51)])


async def test_what_is_destroyed_becomes_noise_and_what_is_not_known_is_left(office: Office) -> None:
    await office.add(3, 4, 6)
    keys = await office.new_version()
    progress = await Rewriter(office.database, keys).reseal(PERSON)
    assert (progress.found, progress.left) == (3, 1)
    assert await office.versions() == {3: (2, 2), 4: (2, 2), 6: (2, 1)}
    assert [await office.found(n) for n in (3, 4, 6)] == [True, False, True]
    with pytest.raises(HeldError, match=r"person \(1\)"):
        await retire(office.database, office.keys, [PERSON], now=office.clock.now())


async def test_where_one_value_may_stand_once_its_second_row_is_left_and_the_others_are_not(office: Office) -> None:
    await office.add(11, 12, 13)
    keys = await office.new_version()
    # As when two processes, one of each version, took the same in at once.
    again = keys.blind("name", "Person 12")
    values = (5, keys.seal("Person 12", "person.name|5"), again)
    await office.execute("INSERT INTO person (id, name, who) VALUES ($1, $2, $3)", *values)
    progress = await Rewriter(office.database, keys).reseal(PERSON)
    assert (progress.done, progress.left) == (2, 1)
    async with office.database.reading() as session:
        assert await of_older_versions(session, [PERSON], keys.newest) == {"person": 1}


async def test_rows_that_never_change_take_a_later_version_and_nothing_else(office: Office) -> None:
    await office.add(11)
    await office.execute(STAYS)
    before = await office.keys.ready()
    same_version = before.seal("Person 99", "person.name|11")
    keys = await office.new_version()
    longer = keys.seal("Person 1100", "person.name|11")
    for sql, value in (
        ("UPDATE person SET name = $1", same_version),
        ("UPDATE person SET name = $1", longer),
        ("UPDATE person SET remark = $1", "x"),
        ("UPDATE person SET id = $1", 12),
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await office.execute(sql, value)
    assert (await Rewriter(office.database, keys).reseal(PERSON)).left == 0
    assert await office.versions() == {11: (2, 2)}
    with pytest.raises(asyncpg.RestrictViolationError):
        await office.execute("UPDATE person SET name = $1", same_version)
