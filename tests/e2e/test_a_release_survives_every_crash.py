"""Invariant 4 end to end: request, decision, review, release, accounting, correction, with every process of the services that
take part killed, hard, between each two steps. No release lacks its accounting, no accounting lacks its release's outcome.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest

from common.ids import new_id
from muniment.conversations import Conversation, Turn
from muniment.demo import Platform
from muniment.home import Home
from tests.e2e.conversing import converse
from tests.e2e.running_platform import RunningPlatform, running_platform

VICTIMS = tuple(f"{service}-{part}" for service in ("disclosure", "transcripts") for part in ("api", "worker"))
SETTLE_SECONDS = 60
PERSON, OFFICER, ASKER = "account-1", "privacy_officer-1", "analyst-1"
RECIPIENT = {"recipient_name": "National Archives", "recipient_address": "700 Pennsylvania Avenue NW, Washington, DC"}
FACTS = {
    "tax.return-information": "absent",
    "archives.request": "NARA-2026-1",
    "archives.authority": "44-usc-2904",
}


@pytest.fixture
def on_kafka(fetched_engines: Home) -> Iterator[RunningPlatform]:
    with running_platform("kafka", fetched_engines) as platform:
        yield platform


@dataclass
class People:
    """An analyst, a privacy officer and the person, who go on whatever was killed meanwhile."""

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
        """One act with a key of its own, sent again until it is answered."""
        headers = {"Authorization": f"Bearer {self.caller.token(role, sub=sub)}", "Idempotency-Key": str(new_id())}
        async with asyncio.timeout(SETTLE_SECONDS):
            while True:
                try:
                    address = self.caller.address(service) + path
                    answer = await self.http.request(method, address, json=body, headers=headers)
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
                    continue
                if answer.status_code in {200, 201}:
                    return answer
                assert answer.status_code in {404, 429, 503}, answer.text
                await asyncio.sleep(0.2)

    async def everything_dies(self) -> None:
        await self.platform.strike(*VICTIMS)

    async def until(self, database: str, sql: str, *values: object) -> None:
        """Wait until this is no longer nothing."""
        async with asyncio.timeout(SETTLE_SECONDS):
            while not (await self.platform.rows(database, sql, *values))[0][0]:
                await asyncio.sleep(0.2)


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.timeout(600)
async def test_a_release_from_request_to_correction_with_everything_killed_between_the_steps(
    on_kafka: RunningPlatform,
) -> None:
    people = People(on_kafka, on_kafka.caller())
    transcript = await sealed(people)
    asked = {
        "transcript_ids": [transcript], "basis": "routine-use-7", "recipient_kind": "national-archives",
        "purpose": "records-management-inspection", "facts": FACTS,
    }  # fmt: skip
    request = (await people.do("POST", "disclosure", "/v1/requests", asked, role="analyst", sub=ASKER)).json()["id"]
    await people.everything_dies()

    decision = {"facts": {}, "release": RECIPIENT | {"layer": "redacted"}}
    decided = (await people.do("POST", "disclosure", f"/v1/requests/{request}/decision", decision)).json()
    assert decided["outcome"] == "allow", decided
    await people.everything_dies()

    await reviewed(people, transcript)
    grant = {"grant": decided["grant"]["token"]}
    released = (await people.do("POST", "transcripts", "/v1/releases", grant)).json()
    assert released["outcome"] == "released"
    await people.everything_dies()

    [copy] = released["copies"]
    path = f"/v1/releases/{released['grant_id']}/copies/{transcript}"
    content = (await people.do("GET", "transcripts", path)).content
    assert hashlib.sha256(content).hexdigest() == copy["copy_hash"]
    assert b"Zebra" not in content
    lines = (await people.do("GET", "disclosure", f"/v1/accountings?transcript_id={transcript}&purpose=audit")).json()
    assert [line["id"] for line in lines["items"]] == [decided["accounting_id"]]
    await people.everything_dies()

    amendment = await corrected(people, transcript)
    await people.everything_dies()
    await every_accounting_has_its_outcome(people, decided, copy)
    await people.until("transcripts", "SELECT count(*) FROM notation WHERE transcript_id = $1", UUID(transcript))
    [notice] = await on_kafka.rows("disclosure", "SELECT * FROM outgoing_notice")
    assert (str(notice["cause_id"]), str(notice["accounting_id"])) == (amendment, decided["accounting_id"])
    await nothing_is_twice_or_set_aside(people)
    await people.http.aclose()
    await people.caller.close()


async def sealed(people: People) -> str:
    """A conversation, sealed, and known to disclosure; gives the transcript's id."""
    turns = (Turn("customer", "My sister Wilhelmina Zebra got my cheque"), Turn("employee", "I see"))
    kept = await converse(people.caller, Conversation("release", "retirement", turns, real=False), 1)
    await people.until("disclosure", "SELECT count(*) FROM known_transcript")
    [row] = await people.platform.rows(
        "transcripts", "SELECT id FROM transcript WHERE session_id = $1", kept.session_id
    )
    return str(row["id"])


async def reviewed(people: People, transcript: str) -> None:
    """A layer in which everything that was found is taken out."""
    place = f"/v1/transcripts/{transcript}/layers"
    others = [{"given": ["Wilhelmina"], "family": "Zebra"}]
    await people.do("POST", "transcripts", place, {"name": "redacted", "audience": "others", "others": others})
    spans = (await people.do("GET", "transcripts", f"{place}/redacted")).json()["spans"]
    assert spans
    decisions = [{n: s[n] for n in ("seq", "start", "end", "kind")} | {"decision": "redact"} for s in spans]
    await people.do("POST", "transcripts", f"{place}/redacted/decisions", {"decisions": decisions})
    await people.do("POST", "transcripts", f"{place}/redacted/review")


async def every_accounting_has_its_outcome(people: People, decided: dict[str, Any], copy: dict[str, Any]) -> None:
    await people.until("disclosure", "SELECT count(*) FROM release_outcome")
    rows = await people.platform.rows(
        "disclosure",
        "SELECT a.id, o.outcome, o.copies FROM accounting a LEFT JOIN release_grant g ON g.accounting_id = a.id "
        "LEFT JOIN release_outcome o ON o.grant_id = g.id",
    )
    assert [(str(row["id"]), row["outcome"]) for row in rows] == [(decided["accounting_id"], "released")]
    assert json.loads(rows[0]["copies"])[0]["copy_hash"] == copy["copy_hash"]
    used = await people.platform.rows("transcripts", "SELECT grant_id, accounting_id FROM grant_use")
    assert [(str(row["grant_id"]), str(row["accounting_id"])) for row in used] == [
        (decided["grant"]["id"], decided["accounting_id"])
    ]


async def corrected(people: People, transcript: str) -> str:
    """The person has the record corrected; gives the request's id."""
    amendment = {
        "contested": "It says sister.", "action": "substitute", "correction": "It was my aunt.",
        "grounds": ["inaccurate"], "justification": "The certificate is enclosed.",
    }  # fmt: skip
    body = {"kind": "amendment", "system": "60-0383", "records": [transcript], "amendment": amendment}
    filed = (
        await people.do("POST", "disclosure", "/v1/me/individual-requests", body, role="customer", sub=PERSON)
    ).json()
    place = f"/v1/individual-requests/{filed['id']}"
    await people.do("POST", "disclosure", f"{place}/acknowledgement")
    await people.do(
        "POST", "disclosure", f"{place}/decision", {"outcome": "granted", "found": True, "records": [transcript]}
    )
    return str(filed["id"])


async def nothing_is_twice_or_set_aside(people: People) -> None:
    for database in ("disclosure", "transcripts", "retention"):
        async with asyncio.timeout(SETTLE_SECONDS):
            while (await people.platform.rows(database, "SELECT count(*) AS n FROM outbox"))[0]["n"]:
                await asyncio.sleep(0.2)
        aside = await people.platform.rows(database, "SELECT consumer_group, reason FROM dead_letter")
        assert [tuple(row) for row in aside] == []
    for database, table in (("transcripts", "release_copy"), ("transcripts", "notation"), ("disclosure", "accounting")):
        assert (await people.platform.rows(database, f"SELECT count(*) AS n FROM {table}"))[0]["n"] == 1, table
