"""People who let records go while every process around them may die at any moment."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from common.clock import SystemClock
from common.ids import new_id
from muniment.conversations import Conversation, Turn
from muniment.demo import Platform
from tests.e2e.conversing import converse
from tests.e2e.running_platform import RunningPlatform

SETTLE_SECONDS = 90
OFFICER, ASKER, READER, PERSON, AGENT = "privacy_officer-1", "analyst-1", "supervisor-1", "account-1", "agent-1"
NAME, ADDRESS = "National Archives", "700 Pennsylvania Avenue NW, Washington, DC"


@dataclass
class Road:
    """One request on its way: what it is for, and what is known of it so far."""

    holder: str
    system: str
    record: str
    basis: str
    recipient_kind: str
    purpose: str
    layer: str
    facts: dict[str, Any]
    findings: tuple[str, ...] = ()
    request: str = ""
    decided: dict[str, Any] = field(default_factory=dict)
    released: dict[str, Any] = field(default_factory=dict)
    amendment: str = ""

    @property
    def copy(self) -> dict[str, Any]:
        [copy] = self.released["copies"]
        return dict(copy)


def transcripts_road(record: str) -> Road:
    facts = {"tax.return-information": "absent", "archives.request": "NARA-2026-1", "archives.authority": "44-usc-2904"}
    return Road(
        "transcripts", "60-0383", record, "routine-use-7", "national-archives", "records-management-inspection",
        "redacted", facts,
    )  # fmt: skip


def production_road(record: str) -> Road:
    facts = {
        "tax.return-information": "absent", "notice.routine-use": "ROUTINE-USE-LETTER-1", "appeal.case": "OSC-MA-26-17",
        "appeal.kind": "appraisal-appeal", "appeal.by-employee": True, "export.marked": True, "elements": "hours,actions",
    }  # fmt: skip
    return Road(
        "production", "DHS/ALL-019", record, "all-019.performance-appeal", "office-of-special-counsel",
        "performance-appeal", "figures", facts, ("notice.routine-use-applies", "necessity"),
    )  # fmt: skip


@dataclass
class People:
    """They go on whatever was killed meanwhile: one act has one key, and is sent again until it is answered."""

    platform: RunningPlatform
    caller: Platform
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=30))

    async def do(
        self,
        method: str,
        service: str,
        path: str,
        body: Any = None,
        *,
        role: str = "privacy_officer",
        sub: str = OFFICER,
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.caller.token(role, sub=sub)}", "Idempotency-Key": str(new_id())}
        async with asyncio.timeout(SETTLE_SECONDS):
            while True:
                try:
                    address = self.caller.address(service) + path
                    answer = await self.http.request(method, address, json=body, headers=headers)
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
                    continue
                if answer.status_code in {200, 201}:
                    return answer
                assert answer.status_code in {404, 429, 503}, answer.text
                await asyncio.sleep(0.1)

    async def said(self, method: str, service: str, path: str, body: Any = None, **who: str) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.do(method, service, path, body, **who)).json()
        return answer

    async def until(self, database: str, sql: str, *values: object) -> None:
        """Wait until this is no longer nothing."""
        async with asyncio.timeout(SETTLE_SECONDS):
            while not (await self.platform.rows(database, sql, *values))[0][0]:
                await asyncio.sleep(0.1)

    async def worked(self) -> tuple[str, str]:
        """A conversation, sealed, and known to disclosure; gives the transcript's id, and the employee's who answered."""
        turns = (Turn("customer", "My sister Wilhelmina Zebra got my cheque"), Turn("employee", "I see"))
        kept = await converse(self.caller, Conversation("release", "retirement", turns, real=False), 1)
        await self.until("disclosure", "SELECT count(*) FROM known_transcript")
        await self.until("production", "SELECT count(*) FROM action WHERE session_id = $1", kept.session_id)
        seal = "SELECT id FROM transcript WHERE session_id = $1"
        [row] = await self.platform.rows("transcripts", seal, kept.session_id)
        [work] = await self.platform.rows("production", "SELECT employee_id FROM action")
        return str(row["id"]), str(work["employee_id"])

    async def asks(self, road: Road) -> None:
        body = {
            "transcript_ids": [road.record], "basis": road.basis, "recipient_kind": road.recipient_kind,
            "purpose": road.purpose, "facts": road.facts,
        }  # fmt: skip
        road.request = (await self.said("POST", "disclosure", "/v1/requests", body, role="analyst", sub=ASKER))["id"]

    async def finds(self, road: Road) -> None:
        for finding in road.findings:
            body = {"finding": finding, "found": True, "record": "MEMO-1"}
            await self.do("POST", "disclosure", f"/v1/requests/{road.request}/findings", body)

    async def decides(self, road: Road) -> None:
        release = {"layer": road.layer, "recipient_name": NAME, "recipient_address": ADDRESS}
        body = {"facts": {}, "release": release}
        road.decided = await self.said("POST", "disclosure", f"/v1/requests/{road.request}/decision", body)
        assert road.decided["outcome"] == "allow", road.decided

    async def reviews(self, road: Road) -> None:
        """A layer in which everything that was found is taken out; figures have none."""
        if road.holder != "transcripts":
            return
        place = f"/v1/transcripts/{road.record}/layers"
        others = [{"given": ["Wilhelmina"], "family": "Zebra"}]
        await self.do("POST", "transcripts", place, {"name": road.layer, "audience": "others", "others": others})
        spans = (await self.said("GET", "transcripts", f"{place}/{road.layer}"))["spans"]
        assert spans
        decisions = [{n: s[n] for n in ("seq", "start", "end", "kind")} | {"decision": "redact"} for s in spans]
        await self.do("POST", "transcripts", f"{place}/{road.layer}/decisions", {"decisions": decisions})
        await self.do("POST", "transcripts", f"{place}/{road.layer}/review")

    async def redeems(self, road: Road) -> None:
        road.released = await self.said("POST", road.holder, "/v1/releases", {"grant": road.decided["grant"]["token"]})
        assert road.released["outcome"] == "released", road.released

    async def fetches(self, road: Road) -> None:
        path = f"/v1/releases/{road.released['grant_id']}/copies/{road.record}"
        content = (await self.do("GET", road.holder, path)).content
        assert hashlib.sha256(content).hexdigest() == road.copy["copy_hash"]
        assert b"Zebra" not in content

    async def packs(self, road: Road) -> str:
        """A package of what was decided on: prepared, read by somebody else, copied, approved by a third; gives its id."""
        preparer, reader = {"role": "analyst", "sub": ASKER}, {"role": "supervisor", "sub": READER}
        asked = {"form": "written", "signed": True, "reference": f"SCAN-{road.holder}"}
        people = [{"label": "asks", "role": "requester", "given": ["Maria"], "family": "Example"}]
        body = {
            "nature": "copy-of-file",
            "accounting_id": road.decided["accounting_id"],
            "asked": asked,
            "people": people,
        }
        package = (await self.said("POST", "disclosure", "/v1/release-packages", body, **preparer))["id"]
        place = f"/v1/release-packages/{package}"
        item = {"form": "electronic", "record_id": road.record, "reference": "DOC-1", "sha256": "1" * 64}
        items = (await self.said("POST", "disclosure", f"{place}/items", item, **preparer))["items"]
        item_place = f"{place}/items/{items[0]['id']}"
        await self.do("POST", "disclosure", f"{item_place}/review", {"outcome": "clean"}, **reader)
        copy = {
            "reference": "COPY-1",
            "sha256": road.copy["copy_hash"],
            "text": [{"seq": 1, "text": "Nothing of others."}],
        }
        await self.do("POST", "disclosure", f"{item_place}/copy", {"copy": copy}, **preparer)
        await self.do("POST", "disclosure", f"{place}/approval", {"outcome": "approved"})
        return str(package)

    async def sends(self, package: str) -> None:
        label = {"name": NAME, "address": ADDRESS}
        body = {"way": "mail", "carrier": "usps-registered", "tracking_number": "RE123456785US", "addressed_to": label}
        place = f"/v1/release-packages/{package}/shipments"
        await self.do("POST", "disclosure", place, body, role="analyst", sub=ASKER)

    async def corrects(self, road: Road) -> None:
        """The person whom the record is about has it corrected."""
        amendment = {
            "contested": "It says sister.", "action": "substitute", "correction": "It was my aunt.",
            "grounds": ["inaccurate"], "justification": "The certificate is enclosed.",
        }  # fmt: skip
        body = {"kind": "amendment", "system": road.system, "records": [road.record], "amendment": amendment}
        who = {"role": "customer", "sub": PERSON} if road.system == "60-0383" else {"role": "agent", "sub": AGENT}
        filed = await self.said("POST", "disclosure", "/v1/me/individual-requests", body, **who)
        road.amendment = filed["id"]
        place = f"/v1/individual-requests/{filed['id']}"
        await self.do("POST", "disclosure", f"{place}/acknowledgement")
        ruling = {"outcome": "granted", "found": True, "records": [road.record]}
        await self.do("POST", "disclosure", f"{place}/decision", ruling)

    async def informs(self, road: Road) -> None:
        """The recipient of the copy is told of the correction, and says that the letter came."""
        sql = "SELECT id FROM outgoing_notice WHERE accounting_id = $1"
        [notice] = await self.platform.rows("disclosure", sql, UUID(road.decided["accounting_id"]))
        today = SystemClock().now().date().isoformat()
        place = f"/v1/outgoing-notices/{notice['id']}"
        await self.do("POST", "disclosure", f"{place}/sending", {"sent_on": today, "channel": "mail", "record": "RR-1"})
        await self.do("POST", "disclosure", f"{place}/receipt", {"received_on": today, "record": "SLIP-1"})
