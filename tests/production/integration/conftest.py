from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from common.messaging.broker import Record
from common.protection.making import make_service_keys
from common.protection.service_keys import ColumnKeys
from common.testing import Issuer, client_of
from production.app import make_app, make_subjects
from production.settings import ProductionSettings
from tests.plugins.store import MakeStore, MigratedStore
from tests.production.work import KEYRING, event, received

ASSIGNMENTS = "/v1/employees/{}/assignments"


class Store(MigratedStore[ProductionSettings]):
    """The service's database, with its consumer."""

    async def hear(self, *records: Record) -> None:
        """Let the consumer handle these, as one batch."""
        subject = make_subjects(self.settings, self.clock, KEYRING)[0]
        await self.consumer_of(subject).handle(
            [r.__class__(r.topic, 0, r.offset + self.offset, r.key, r.value, r.headers) for r in received(*records)]
        )
        self.offset += len(records)

    async def keys(self) -> ColumnKeys:
        """The service's own keys, as it has them now."""
        return await make_service_keys(self.settings, "production", self.clock).ready()

    async def employee(self, pin: str) -> UUID:
        """The id under which the service knows the employee of this PIN."""
        hashes = (await self.keys()).blinds("pin", pin)
        return UUID(str((await self.rows("SELECT id FROM employee WHERE who = ANY($1::bytea[])", hashes))[0]["id"]))

    async def hear_data(self, *data: dict[str, Any]) -> None:
        await self.hear(*(event(d) for d in data))


@pytest.fixture
async def store(make_store: MakeStore) -> Store:
    return await make_store(Store, ProductionSettings, "production")


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(store.settings, clock=store.clock, keyring=KEYRING)) as client:
        yield client


@pytest.fixture
def assign(client: httpx.AsyncClient, issuer: Issuer) -> Callable[..., Awaitable[httpx.Response]]:
    """Puts an employee's whole history in the chart, as an administrator of office S01."""

    async def put(pin: str, *assignments: dict[str, Any], **claims: Any) -> httpx.Response:
        administrator = issuer.headers("office_admin", **({"pin": "900001"} | claims))
        before = await client.get(ASSIGNMENTS.format(pin), headers=administrator)
        conditions = {"If-Match": before.headers["ETag"]} if before.status_code == 200 else {}
        body = {"assignments": [{"office": "S01", "region": "R1", "supervisor_pin": "200001"} | a for a in assignments]}
        return await client.put(ASSIGNMENTS.format(pin), json=body, headers=administrator | conditions)

    return put
