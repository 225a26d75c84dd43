"""People who ask about their own records, and the officials who work on it, as tests speak of them."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from common.testing import FixedClock, Issuer
from disclosure.individuals.identity import table

CERTIFICATION = f"I certify that {table().clauses['identity']} and that I understand that {table().clauses['offence']}."
NAME, ADDRESS, NUMBER = "Quirina Telltale", "77 Whisper Court, Springfield", "219-09-9999"
OFFICIAL = {"name": "Olga Reviewer", "address": "6401 Security Boulevard, Baltimore, MD 21235"}
CONTESTED, STATEMENT = "It says that I moved in 2019, zebra words.", "I never moved in 2019, yonder words."

BY_MAIL: dict[str, Any] = {
    "kind": "access",
    "system": "60-0383",
    "channel": "mail",
    "received_on": "2026-03-02",
    "requester": {"name": NAME, "address": ADDRESS},
    "evidence": {
        "facts": {
            "written-request": "SCAN-118",
            "request.signed": True,
            "certification.signed": True,
            "certification.day": "2026-02-27",
        },
        "certification": CERTIFICATION,
    },
}
AMENDMENT = {
    "contested": CONTESTED,
    "action": "substitute",
    "correction": "I moved in 2021.",
    "grounds": ["inaccurate"],
    "justification": "The lease is enclosed.",
}
REFUSAL: dict[str, Any] = {
    "outcome": "refused",
    "found": True,
    "grounds": ["record-is-right"],
    "reason": "The conversation says what was said in it.",
    "procedure": "Write to the official named here within reasonable time.",
    "official": OFFICIAL,
}


class Counter:
    """Sends requests as somebody; every POST has a key of its own."""

    def __init__(
        self, client: httpx.AsyncClient, issuer: Issuer, store: "asyncpg.Connection[asyncpg.Record]", clock: FixedClock
    ) -> None:
        self.client, self.issuer, self.store, self.clock = client, issuer, store, clock

    def at(self, moment: datetime) -> None:
        """Go on at this moment."""
        self.clock.turn(seconds=(moment - self.clock.now()).total_seconds())

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str = "privacy_officer",
        sub: str | None = None,
        key: str = "",
        purpose: str = "",
        **claims: Any,
    ) -> httpx.Response:
        headers = self.issuer.headers(role, sub=sub or f"{role}-1", **claims) | {"Idempotency-Key": key or str(uuid4())}
        if purpose:
            headers["Purpose-Of-Use"] = purpose
        return await self.client.request(method, f"/v1{path}", json=body, headers=headers)

    async def do(self, method: str, path: str, body: Any = None, *, status: int = 201, **who: Any) -> dict[str, Any]:
        """Send it and expect this status."""
        answer = await self.send(method, path, body, **who)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def file(self, kind: str = "amendment", *, sub: str = "customer-1", **changes: Any) -> dict[str, Any]:
        """A request of somebody who is signed in."""
        body: dict[str, Any] = {"kind": kind, "system": "60-0383", "records": [str(uuid4())]}
        if kind == "amendment":
            body["amendment"] = AMENDMENT
        return await self.do("POST", "/me/individual-requests", body | changes, role="customer", sub=sub)

    async def take_in(self, *, status: int = 201, role: str = "analyst", **changes: Any) -> dict[str, Any]:
        """A request on paper, as an official enters it."""
        return await self.do("POST", "/individual-requests", BY_MAIL | changes, role=role, status=status)

    async def act(self, request_id: str, act: str, body: Any = None, **who: Any) -> dict[str, Any]:
        return await self.do("POST", f"/individual-requests/{request_id}/{act}", body, **who)

    async def detail(self, request_id: str) -> dict[str, Any]:
        return await self.do("GET", f"/individual-requests/{request_id}", status=200)

    async def own(self, request_id: str, sub: str = "customer-1") -> dict[str, Any]:
        return await self.do("GET", f"/me/individual-requests/{request_id}", role="customer", sub=sub, status=200)

    async def refused(self, kind: str = "amendment", **changes: Any) -> dict[str, Any]:
        """A request of customer-1 that was refused by privacy_officer-1."""
        record = str(uuid4())
        filed = await self.file(kind, records=[record])
        if kind == "amendment":
            await self.act(filed["id"], "acknowledgement")
        grounds = {} if kind == "amendment" else {"grounds": ["about-somebody-else"]}
        return await self.act(filed["id"], "decision", REFUSAL | grounds | {"records": [record]} | changes)
