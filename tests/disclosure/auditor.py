"""An auditor of the disclosure service, as tests speak of them: searches, exports, and the signed tree underneath."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from common.audit.heads import HeadSigner, make_missing_keys
from common.audit.sequencer import Sequencer
from common.database import Database
from disclosure.settings import DisclosureSettings
from tests.disclosure.cases import base
from tests.disclosure.desk import Desk
from tests.disclosure.requests_desk import Counter

PURPOSE = {"Purpose-Of-Use": "audit"}


@dataclass
class Auditor:
    """Asks the registers; `sign` lets the tree grow over everything so far, as the worker does every second."""

    desk: Desk
    sequencer: Sequencer

    async def ask(self, path: str, body: Any = None, *, role: str = "auditor", **headers: str) -> httpx.Response:
        who = self.desk.issuer.headers(role) | PURPOSE | headers
        return await self.desk.client.post(f"/v1/audits/{path}", json=body or {}, headers=who)

    async def found(self, register: str, **asked: Any) -> list[UUID]:
        """Ids of the rows that a search finds."""
        answer = await self.ask(f"{register}/search", asked)
        assert answer.status_code == 200, answer.text
        return [UUID(item["id"]) for item in answer.json()["items"]]

    async def report(self, year: int, **query: str) -> httpx.Response:
        who = self.desk.issuer.headers("auditor") | PURPOSE
        return await self.desk.client.get(f"/v1/audits/reports/{year}", params=query, headers=who)

    async def sign(self) -> None:
        while await self.sequencer.round():
            pass

    async def last_entry(self) -> dict[str, Any]:
        return (await self.desk.audited())[-1]


@asynccontextmanager
async def auditor_of(desk: Desk, settings: DisclosureSettings, folder: Path) -> AsyncIterator[Auditor]:
    make_missing_keys(folder, ["disclosure"])
    database = Database(settings, application="test")
    signer = HeadSigner("disclosure", str(folder / "disclosure.pem"))
    yield Auditor(desk, Sequencer(database, signer, desk.clock))
    await database.close()


@dataclass
class Past:
    """Three requests on three days: one released, one denied, one undecided by another officer; and a person's own request."""

    released: UUID
    denied: UUID
    undecided: UUID
    decisions: tuple[UUID, UUID, UUID]
    accounting: UUID
    record: UUID
    individual: UUID


async def past(desk: Desk, counter: Counter) -> Past:
    record = await desk.transcript()
    released = await desk.asked(transcripts=[record])
    first = (await desk.decide(released, release=True)).json()
    desk.clock.turn(days=1)
    denied = await desk.asked(
        base("routine-use-1"), facts={"tax.return-information": "absent", "inquiry.from-recipient": False}
    )
    second = (await desk.decide(denied)).json()
    desk.clock.turn(days=1)
    undecided = await desk.asked()
    third = (await desk.decide(undecided, facts={"tax.return-information": "included"}, sub="officer-2")).json()
    assert (first["outcome"], second["outcome"], third["outcome"]) == ("allow", "deny", "undecided")
    filed = await counter.file("access", sub="account-77", records=[str(record)])
    granted = {"outcome": "granted", "found": True, "records": [str(record)]}
    await counter.act(filed["id"], "decision", granted)
    return Past(
        released,
        denied,
        undecided,
        (UUID(first["id"]), UUID(second["id"]), UUID(third["id"])),
        UUID(first["accounting_id"]),
        record,
        UUID(filed["id"]),
    )
