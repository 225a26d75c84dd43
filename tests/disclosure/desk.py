"""The people around the disclosure service, as tests speak of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import orjson

from common.contracts.disclosure import DISCLOSURE_EVENTS
from common.contracts.envelope import Envelope, EventData, decode
from common.messaging.broker import Record
from common.testing import FixedClock, Issuer
from disclosure.model import Question
from tests.disclosure.cases import base

RECIPIENT = {"recipient_name": "Quentin Recipient", "recipient_address": "9 Telltale Lane, Washington, DC 20500"}
LOOK = {"Purpose-Of-Use": "oversight"}

ASKER, OFFICER = "analyst-7", "officer-1"


class Desk:
    """An analyst who asks, a privacy officer who decides, an auditor who looks, and the store underneath."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        issuer: Issuer,
        store: "asyncpg.Connection[asyncpg.Record]",
        clock: FixedClock,
    ) -> None:
        self.client, self.issuer, self.store, self.clock = client, issuer, store, clock

    async def transcript(self) -> UUID:
        """A transcript that is known to be sealed."""
        made = uuid4()
        await self.store.execute("INSERT INTO known_transcript VALUES ($1, $2)", made, self.clock.now())
        return made

    async def ask(
        self,
        question: Question | None = None,
        *,
        transcripts: Sequence[UUID] | None = None,
        role: str = "analyst",
        sub: str = ASKER,
        key: str | None = None,
        **changes: Any,
    ) -> httpx.Response:
        question = question or base("routine-use-7")
        ids = transcripts if transcripts is not None else [await self.transcript()]
        body = {
            "transcript_ids": [str(t) for t in ids],
            "basis": question.basis,
            "recipient_kind": question.recipient_kind,
            "purpose": question.purpose,
            "facts": dict(question.facts),
        }
        return await self.client.post(
            "/v1/requests", json=body | changes, headers=self.headers(role, sub, key or str(uuid4()))
        )

    async def asked(self, question: Question | None = None, **more: Any) -> UUID:
        """The id of a request that was taken."""
        answer = await self.ask(question, **more)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])

    async def decide(
        self,
        request_id: UUID,
        *,
        facts: dict[str, Any] | None = None,
        release: bool = False,
        layer: str = "redacted",
        role: str = "privacy_officer",
        sub: str = OFFICER,
        key: str | None = None,
    ) -> httpx.Response:
        body: dict[str, Any] = {"facts": facts or {}}
        if release:
            body["release"] = RECIPIENT | {"layer": layer}
        return await self.client.post(
            f"/v1/requests/{request_id}/decision", json=body, headers=self.headers(role, sub, key or str(uuid4()))
        )

    async def get(self, path: str, *, role: str = "auditor", **params: Any) -> httpx.Response:
        return await self.client.get(path, params=params or None, headers=self.issuer.headers(role) | LOOK)

    def headers(self, role: str, sub: str, key: str) -> dict[str, str]:
        return self.issuer.headers(role, sub=sub) | {"Idempotency-Key": key}

    async def count(self, table: str) -> int:
        return int(await self.store.fetchval(f"SELECT count(*) FROM {table}"))

    async def told(self) -> list[Envelope[EventData]]:
        """What stands in the outbox, read as a consumer would read it."""
        rows = await self.store.fetch("SELECT topic, key, value, headers FROM outbox ORDER BY position")
        return [
            decode(Record(r["topic"], r["key"], r["value"], orjson.loads(r["headers"])), DISCLOSURE_EVENTS)
            for r in rows
        ]

    async def audited(self) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.store.fetch("SELECT * FROM audit_entry ORDER BY position")]
