"""The embedded event log obeys the contract of every event log."""

import pytest

from tests.contracts.broker_contract import BrokerContract
from tests.contracts.postgres_log_engine import PostgresLogEngine


@pytest.fixture
def engine(log_engine: PostgresLogEngine) -> PostgresLogEngine:
    return log_engine


class TestPostgresLog(BrokerContract):
    """All of the contract."""
