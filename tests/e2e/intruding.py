"""Calls that carry a person's particulars where none belong, and calls that fail: everything that is answered is kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from common.ids import new_id
from muniment.demo import Platform
from tests.e2e.planted import Person

SERVICES = ("chat-gateway", "transcripts", "production", "disclosure", "retention")


class Intruder:
    """Calls, and keeps every answer that is an error.

    Attributes:
        answers: texts of errors, with the status in front.
        statuses: how often each status was answered.
    """

    def __init__(self, platform: Platform, client: httpx.AsyncClient) -> None:
        self._platform = platform
        self._client = client
        self.answers: list[str] = []
        self.statuses: dict[int, int] = {}

    async def call(self, method: str, service: str, path: str, *, token: str, **options: Any) -> httpx.Response:
        own = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(new_id())}
        headers = own | options.pop("headers", {})
        answer = await self._client.request(
            method, self._platform.address(service) + path, headers=headers, timeout=30, **options
        )
        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
        if answer.is_error:
            self.answers.append(f"{answer.status_code} {answer.headers} {answer.text}")
        return answer

    async def write_values_where_none_belong(self, person: Person) -> None:
        """In paths, queries, headers, fields, keys of fields, texts that are no JSON, and tokens that prove nothing."""
        token = self._platform.token
        for service in SERVICES:
            staff = token("privacy_officer")
            await self.call("GET", service, f"/v1/{person.last}/{person.ssn}", token=staff)
            await self.call("GET", service, "/v1/records", token=staff, params={"cursor": person.ssn, person.last: "1"})
            await self.call(
                "GET", service, "/livez", token=staff, headers={"X-Request-Id": person.ssn, "Traceparent": person.name}
            )
            await self.call(
                "GET",
                service,
                "/v1/audit/entries",
                token=person.name.replace(" ", "."),
                params={"user_id": person.name},
            )
        for service, path in (
            ("transcripts", "/v1/transcripts/search"),
            ("production", "/v1/actions"),
            ("disclosure", "/v1/requests"),
        ):
            for role in ("privacy_officer", "case_system", "customer"):
                for body in (
                    {person.last: person.ssn, "pii": {"employee_pin": person.name, "case_number": person.ssn}},
                    {"account_id": person.account, "basis": person.ssn, "purpose": person.name, "facts": {person.last: person.ssn}},
                    [person.ssn],
                    person.name,
                ):  # fmt: skip
                    await self.call(
                        "POST", service, path, token=token(role), json=body,
                        headers={"Idempotency-Key": f"{person.ssn}-{new_id()}", "Purpose-Of-Use": person.name},
                    )  # fmt: skip
                await self.call("POST", service, path, token=f"{person.last}.{person.ssn}", json={})
                broken = f'{{"name": "{person.name}", "ssn": {person.ssn}'
                await self.call("POST", service, path, token=token(role), content=broken, headers={"Content-Type": "application/json"})  # fmt: skip

    async def ask_for_what_is_others(self, person: Person, record_id: str) -> None:
        """A stranger, and an employee whose work it is not, ask for a person's records with their particulars in hand."""
        for role in ("customer", "agent", "case_system"):
            token = self._platform.token(role, sub=f"stranger-{role}")
            for service, path in (
                ("transcripts", f"/v1/transcripts/{record_id}"),
                ("disclosure", f"/v1/accountings?transcript_id={record_id}"),
                ("retention", f"/v1/records/{record_id}"),
                ("production", f"/v1/employees/{person.last}/reports/daily"),
            ):
                await self.call("GET", service, path, token=token, headers={"Purpose-Of-Use": person.name})
            sought = {"account_id": person.account}
            await self.call("POST", "transcripts", "/v1/transcripts/search", token=token, json=sought)

    async def write_values_into_frames(self, person: Person) -> None:
        """Frames of wrong types, wrong fields and no JSON, from a customer and from an agent; every answer is kept."""
        frames: tuple[str | bytes, ...] = (
            person.ssn,
            f'{{"type": "{person.name}"}}',
            json.dumps({"type": "open", "client_id": str(new_id()), "topic": person.last, "name": person.name}),
            json.dumps({"type": "open", "client_id": person.ssn, "topic": person.ssn}),
            json.dumps({"type": "join", "session_id": person.ssn}),
            json.dumps({"type": "message", "client_id": person.name, "text": [person.ssn], person.last: 1}),
            json.dumps({person.ssn: person.name}).encode(),
            b"\xff\xfe" + person.name.encode(),
        )
        for role in ("customer", "agent"):
            for frame in frames:
                async with self._line(self._platform.token(role, sub=f"stranger-{role}")) as heard:
                    await heard.send(frame)
                    await self._listen(heard)

    async def _listen(self, line: Any) -> None:
        try:
            async with asyncio.timeout(0.3):
                while True:
                    heard = await line.recv()
                    text = heard if isinstance(heard, str) else heard.decode(errors="replace")
                    if '"error"' in text:
                        self.answers.append(text)
        except (TimeoutError, WebSocketException) as end:
            self.answers.append(str(end))

    @asynccontextmanager
    async def _line(self, token: str) -> AsyncIterator[Any]:
        async with connect(self._platform.address("chat-gateway", "ws") + "/v1/chat") as line:
            await line.send(json.dumps({"type": "hello", "token": token}))
            await line.recv()
            yield line
