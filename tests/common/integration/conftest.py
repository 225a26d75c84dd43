from collections.abc import AsyncIterator

import pytest

from common.database import Database
from tests.plugins.engines import PostgresServer
from tests.plugins.messaging import create_tables, database_of


@pytest.fixture
async def url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    made = await postgres_server.from_template("messaging", create_tables)
    yield made
    await postgres_server.drop_database(made)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = database_of(url)
    yield opened
    await opened.close()
