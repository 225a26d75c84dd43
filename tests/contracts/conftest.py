"""What the contracts' tests share."""

import shutil
from collections.abc import AsyncIterator

import pytest

from muniment import postgres
from muniment.home import passwords
from muniment.processes import Running, free_port

# The contract's assertions are explained like those of any test; it has to be said before they are imported.
pytest.register_assert_rewrite(
    *(f"tests.contracts.broker_{part}" for part in ("kit", "publishing", "reading", "sharing", "outages"))
)

from tests.contracts.postgres_log_engine import PostgresLogEngine  # noqa: E402
from tests.plugins.engines import temporary_home  # noqa: E402


@pytest.fixture(scope="session")
async def log_engine() -> AsyncIterator[PostgresLogEngine]:
    """A PostgreSQL with an event log; it is not the one that other tests share, because some tests kill it."""
    home = temporary_home("log")
    secrets = passwords(home)
    cluster = postgres.cluster_of(home)
    cluster.create(secrets["admin"])
    port = free_port()
    running = Running(cluster.spec(port), home.path / "postgres.log")
    try:
        running.start()
        engine = PostgresLogEngine(running, postgres.url("admin", secrets["admin"], port, "postgres"))
        await engine.prepare()
        yield engine
    finally:
        running.stop()
        shutil.rmtree(home.path, ignore_errors=True)
