"""The ceiling of the consumers' benchmark is made of the rows that the consumer left, all of them."""

from collections.abc import Awaitable, Callable

from common.database import Database, fetch_all
from common.settings import ServiceSettings
from muniment.bench import rows
from tests.transcripts.conversations import Conversation
from tests.transcripts.store import Store

TABLES = ("inbox", "entry", "assembly", "transcript", "party", "party_index")


async def test_the_bare_insert_leaves_the_rows_that_the_consumer_left_batch_by_batch(
    store: Store, service_db: Callable[[str], Awaitable[str]]
) -> None:
    for _ in range(3):
        await store.consumer().handle([*Conversation().records(), *Conversation().records()])
    batches = await rows.left_behind(store.settings.database_url.get_secret_value())
    assert len(batches) == 3
    assert all(len(batch) == len(TABLES) for batch in batches)
    copy = await service_db("transcripts")
    assert await rows.insert(copy, batches) > 0
    database = Database(ServiceSettings(database_url=copy), application="test")
    try:
        for table in TABLES:
            sql = f"SELECT * FROM {table} ORDER BY 1, 2"
            async with database.reading() as session:
                assert await fetch_all(session, sql) == await store.rows(sql), table
    finally:
        await database.close()
