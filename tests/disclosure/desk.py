"""The people around the disclosure service, as tests speak of them."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import orjson

from common.contracts.disclosure import DISCLOSURE_EVENTS
from common.contracts.envelope import Envelope, EventData, decode
from common.messaging.broker import Record
from common.testing import FixedClock, Issuer
from disclosure.policy import agency_day
from disclosure.question import Question, TaxSpan
from tests.disclosure.cases import base, rules_for, said, signed_facts

RECIPIENT = {"recipient_name": "Quentin Recipient", "recipient_address": "9 Telltale Lane, Washington, DC 20500"}
PERSON_ADDRESS = "77 Whisper Court, Springfield"
LOOK = {"Purpose-Of-Use": "oversight"}

ASKER, OFFICER, FINDER = "analyst-7", "officer-1", "officer-9"


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
            "facts": said(question),
        }
        return await self.client.post(
            "/v1/requests", json=body | changes, headers=self.headers(role, sub, key or str(uuid4()))
        )

    async def asked(self, question: Question | None = None, **more: Any) -> UUID:
        """The id of a request that was taken. What its facts say of papers is registered, its findings are signed."""
        question = question or base("routine-use-7")
        question = await self.registered(question)
        answer = await self.ask(question, **more)
        assert answer.status_code == 201, answer.text
        request_id = UUID(answer.json()["id"])
        for fact in sorted(signed_facts(question.basis) & set(question.facts)):
            if f"{fact}.by" in question.facts and f"{fact}.record" in question.facts:
                found = await self.find(request_id, fact, found=bool(question.facts[fact]))
                assert found.status_code == 201, found.text
        return request_id

    async def find(self, request_id: UUID, finding: str, *, found: bool = True, sub: str = FINDER) -> httpx.Response:
        return await self.client.post(
            f"/v1/requests/{request_id}/findings",
            json={"finding": finding, "found": found, "record": "MEMO-17"},
            headers=self.headers("privacy_officer", sub, str(uuid4())),
        )

    async def registered(self, question: Question) -> Question:
        """Enter the agreement or consent that the facts tell of, under a mark of its own."""
        for kind in ("agreement", "consent"):
            told = {n.partition(".")[2]: v for n, v in question.facts.items() if n.startswith(f"{kind}.")}
            if f"{kind}.reference" not in question.facts:
                continue
            sayable = rules_for(question.basis).notice.said_by_people
            own = {n: v for n, v in told.items() if f"{kind}.{n}" not in sayable and n not in {"standing", "approval"}}
            mark = f"{told['reference']}-x{uuid4().hex[:6]}"
            terms = {n: v for n, v in own.items() if not isinstance(v, bool) and "." not in n}
            if not terms:
                continue
            await self.store.execute(
                "INSERT INTO paper VALUES ($1, $2, $3, $4, 'officer-8', $5)",
                paper := uuid4(), kind, mark, orjson.dumps(terms).decode(), self.clock.now(),
            )  # fmt: skip
            for said_of_it, there in (("approved", "approval" in told), ("ended", told.get("standing") == "ended")):
                if there:
                    await self.store.execute(
                        "INSERT INTO paper_mark VALUES ($1, $2, 'officer-8', $3, 'APPROVAL-1', 'officer-7', $4)",
                        paper, said_of_it, agency_day(self.clock.now()), self.clock.now(),
                    )  # fmt: skip
            question = replace(question, facts={**question.facts, f"{kind}.reference": mark})
        return question

    async def decide(
        self,
        request_id: UUID,
        *,
        facts: dict[str, Any] | None = None,
        spans: Sequence[TaxSpan] | None = None,
        release: bool = False,
        layer: str = "redacted",
        person_address: str = "",
        role: str = "privacy_officer",
        sub: str = OFFICER,
        key: str | None = None,
    ) -> httpx.Response:
        body: dict[str, Any] = {"facts": facts or {}}
        if spans is not None:
            body["tax_spans"] = [{**asdict(s), "transcript_id": str(s.transcript_id)} for s in spans]
        if release:
            body["release"] = RECIPIENT | {"layer": layer}
            body["release"] |= {"person_address": person_address} if person_address else {}
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
