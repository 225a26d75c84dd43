"""The tables as the queries see them are the tables that the migrations made; the gauges tell of what waits."""

from sqlalchemy import Connection, inspect

from tests.transcripts.conversations import Conversation, record_of
from tests.transcripts.store import Store
from transcripts.app import gauges, watch_once
from transcripts.tables import Base
from transcripts.use_cases.capture import REFUSED, SEALED


async def test_the_migrations_make_the_tables_that_the_queries_expect(store: Store) -> None:
    def columns(connection: Connection) -> dict[str, dict[str, bool]]:
        found = inspect(connection)
        return {table: {c["name"]: c["nullable"] for c in found.get_columns(table)} for table in Base.metadata.tables}

    async with store.database.engine.connect() as connection:
        made = await connection.run_sync(columns)
    expected = {
        name: {column.name: bool(column.nullable) for column in table.columns}
        for name, table in Base.metadata.tables.items()
    }
    assert made == expected


async def test_the_gauges_tell_how_many_are_open_and_how_long_a_closed_one_waits(store: Store) -> None:
    facts = Conversation().facts()
    await store.consumer().handle(Conversation().records())
    await store.consumer().handle([record_of(facts[0])])
    await store.consumer().handle([record_of(facts[-1])])  # closed, and something is missing in between
    store.clock.turn(seconds=90)
    await watch_once(store.database, store.clock)
    assert [gauge._value.get() for gauge in gauges()] == [1, 90]
    await store.consumer().handle([record_of(f) for f in facts])
    await watch_once(store.database, store.clock)
    assert [gauge._value.get() for gauge in gauges()] == [0, 0]


async def test_the_counters_count_what_was_committed(store: Store) -> None:
    sealed, refused = SEALED._value.get(), REFUSED.labels("digest_does_not_follow")._value.get()
    wrong = Conversation().facts()
    wrong[2]["digest"] = "0" * 64
    # The refusal rolls the batch back, in which two were sealed already; they are sealed again one by one.
    await store.consumer().handle([*Conversation().records(), *Conversation().records(), *map(record_of, wrong)])
    assert SEALED._value.get() == sealed + 2
    assert REFUSED.labels("digest_does_not_follow")._value.get() == refused + 1
