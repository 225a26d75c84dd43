"""A person's values stand where they belong, sealed, and nowhere else (invariants 4 and 7).

Real dialogues with planted names, numbers, birth dates and addresses go through the whole platform, and through every
way of failing that we could think of. Then everything that was written is searched for them: logs, metrics, traces,
error texts, the files and rows of all databases, the event log. What nobody may see is not there in any form.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import orjson
import pytest

from common.contracts.disclosure import DisclosureRequested
from common.contracts.production import ActionCompleted
from common.engines import make_broker
from common.ids import new_id
from common.messaging.broker import Record
from muniment.conversations import dialogues
from muniment.home import SERVICES, Home
from tests.e2e.conversing import Kept, converse
from tests.e2e.everything_written import Collector, dumps, files, metrics
from tests.e2e.intruding import Intruder
from tests.e2e.planted import Needles, Person, people, with_particulars
from tests.e2e.running_platform import RunningPlatform, running_platform

SESSIONS = 24
SEED = 20260302
STORES = (*SERVICES, "event_log", "keyring")
TRACES_SECONDS = 6.0
"""The exporter of traces sends every five seconds."""


@dataclass
class Found:
    """Which values stand where; and what was looked at, so that an empty answer means something."""

    needles: Needles
    leaks: dict[str, set[str]] = field(default_factory=dict)
    looked_at: dict[str, int] = field(default_factory=dict)

    def look(self, kind: str, place: str, content: bytes) -> None:
        self.looked_at[kind] = self.looked_at.get(kind, 0) + len(content)
        if values := self.needles.found_in(content):
            self.leaks.setdefault(f"{kind}: {place}", set()).update(values)

    def places(self) -> list[str]:
        return [f"{place} ({', '.join(sorted(values)[:4])} …)" for place, values in sorted(self.leaks.items())]


@pytest.fixture
def traces() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.mark.req("S3-063")
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_on_the_embedded_engines(traces: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_OTLP_ENDPOINT", traces.endpoint)
    with running_platform("postgres") as platform:
        await nothing_leaks(platform, traces)


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.timeout(900)
async def test_on_real_kafka_and_redis(
    traces: Collector, fetched_engines: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_OTLP_ENDPOINT", traces.endpoint)
    with running_platform("kafka", fetched_engines) as platform:
        await nothing_leaks(platform, traces)


async def nothing_leaks(platform: RunningPlatform, traces: Collector) -> None:
    public = people(SESSIONS, seed=SEED)
    outsider, poisoner, *staff = people(5, seed=SEED + 1)
    numbers = Found(Needles([number for person in (*public, outsider) for number in person.numbers()]))
    found = Found(Needles([value for person in (*public, *staff, outsider) for value in person.values()]))
    async with httpx.AsyncClient() as client:
        intruder = Intruder(platform.caller(), client)
        kept = await asyncio.gather(*(talk(platform, person, staff, number) for number, person in enumerate(public)))
        await read_and_disclose(intruder, platform, public, kept)
        await intruder.write_values_where_none_belong(outsider)
        await intruder.write_values_into_frames(outsider)
    for status in (401, 403, 404, 422):
        assert intruder.statuses.get(status), f"nothing was answered {status}: a failing path was not gone"
    assert not [a for a in intruder.answers if a.startswith("5")], "a call failed unforeseen"
    await asyncio.sleep(TRACES_SECONDS)
    for look in (found.look, numbers.look):
        for answer in intruder.answers:
            look("error texts", answer[:3], answer.encode())
        async for place, content in metrics(platform):
            look("metrics", place, content)
        for body in traces.received:
            look("traces", "exporter", body)
        for place, content in files(platform.home.path / "log"):
            look("logs", place, content)
    async for place, content in dumps(platform, STORES):
        found.look("dump", place, content)
    for place, content in files(platform.home.path, without=("engines",)):
        found.look("files", place, content)
    assert not found.leaks, "\n".join(found.places())
    assert not numbers.leaks, "\n".join(numbers.places())
    for kind in ("error texts", "metrics", "traces", "logs", "dump", "files"):
        assert found.looked_at.get(kind, 0) > 1000, f"{kind}: hardly anything was looked at"
    await what_nobody_can_handle_is_set_aside_sealed(platform, poisoner)


async def talk(platform: RunningPlatform, person: Person, staff: list[Person], number: int) -> Kept:
    """One dialogue in which the person tells who they are, and an employee answers under their own name."""
    employee = staff[number % len(staff)]
    conversation = with_particulars(dialogues(SESSIONS)[number], person)
    return await converse(
        platform.caller(), conversation, number,
        customer_claims={"sub": person.account, "display_name": person.name},
        agent_claims={"sub": f"employee-{number % len(staff)}", "display_name": employee.name},
    )  # fmt: skip


async def read_and_disclose(
    intruder: Intruder, platform: RunningPlatform, public: list[Person], kept: list[Kept]
) -> None:
    """The paths that are meant to show values, to those who may see them: they do, and keep nothing of it."""
    token, read = platform.caller().token, {"Purpose-Of-Use": "audit"}
    await heard_everywhere(platform, len(kept))
    for person in public[:6]:
        mine = token("customer", sub=person.account)
        (own,) = (await intruder.call("GET", "transcripts", "/v1/me/transcripts", token=mine)).json()["items"]
        shown = await intruder.call("GET", "transcripts", f"/v1/transcripts/{own['id']}", token=mine)
        assert person.ssn in shown.text, "the person's own transcript shows what they said"
        copy = await intruder.call("GET", "transcripts", f"/v1/transcripts/{own['id']}/copy", token=mine)
        assert person.name in copy.text
        search = {"account_id": person.account}
        found = await intruder.call(
            "POST", "transcripts", "/v1/transcripts/search", token=token("auditor"), json=search, headers=read
        )
        assert [one["id"] for one in found.json()["items"]] == [own["id"]]
        report = {
            "action_id": str(new_id()), "kind": "case_adjudicated", "outcome": "approved", "office": "S01", "region": "R1",
            "started_at": "2026-03-02T14:00:00Z", "completed_at": "2026-03-02T14:25:00Z",
            "pii": {"employee_pin": "100001", "case_number": person.case},
        }  # fmt: skip
        taken = await intruder.call("POST", "production", "/v1/actions", token=token("case_system"), json=report)
        assert taken.status_code == httpx.codes.CREATED, taken.text
        report["pii"] = {"employee_pin": "100001", "case_number": person.ssn}
        await intruder.call("POST", "production", "/v1/actions", token=token("case_system"), json=report)
        await disclose(intruder, platform, own["id"], person)
        await intruder.ask_for_what_is_others(person, own["id"])


async def disclose(intruder: Intruder, platform: RunningPlatform, transcript_id: str, recipient: Person) -> None:
    """A release whose recipient is a person: the accounting names them, and says so to those who may ask."""
    token = platform.caller().token
    asked = {
        "transcript_ids": [transcript_id], "basis": "routine-use-1", "recipient_kind": "congressional-office",
        "purpose": "answer-inquiry",
        "facts": {
            "tax.return-information": "absent", "inquiry.asked-by": "subject",
            "inquiry.reference": "CONG-2026-0117", "inquiry.from-recipient": True,
            "inquiry.on-behalf-of-subject": True, "inquiry.request": "LETTER-2026-03-01",
        },
    }  # fmt: skip
    request = await intruder.call("POST", "disclosure", "/v1/requests", token=token("analyst"), json=asked)
    place = f"/v1/requests/{request.json()['id']}"
    finding = {"finding": "accuracy.reviewed", "found": True, "record": "REVIEW-2026-117"}
    await intruder.call("POST", "disclosure", f"{place}/findings", token=token("privacy_officer"), json=finding)
    release = {"recipient_name": recipient.name, "recipient_address": recipient.street, "layer": "original"}
    decided = await intruder.call(
        "POST", "disclosure", f"{place}/decision", token=token("privacy_officer"),
        json={"facts": {}, "release": release}, headers={"Idempotency-Key": str(new_id())},
    )  # fmt: skip
    assert decided.json().get("outcome") == "allow", decided.text
    rows = await intruder.call(
        "GET", "disclosure", f"/v1/accountings?transcript_id={transcript_id}", token=token("auditor"),
        headers={"Purpose-Of-Use": "audit"},
    )  # fmt: skip
    assert recipient.name in rows.text


async def heard_everywhere(platform: RunningPlatform, sessions: int) -> None:
    async with asyncio.timeout(60):
        for database, table in (
            ("transcripts", "transcript"), ("production", "handled_transcript"), ("disclosure", "known_transcript"),
            ("retention", "record WHERE kind = 'transcript'"),
        ):  # fmt: skip
            while (await platform.rows(database, f"SELECT count(*) AS n FROM {table}"))[0]["n"] < sessions:
                await asyncio.sleep(0.2)


async def what_nobody_can_handle_is_set_aside_sealed(platform: RunningPlatform, person: Person) -> None:
    """A case system writes values in the clear where none may be: its own doing on the topic, and no store's or log's."""
    wrong = orjson.dumps({person.last: person.ssn, "pii": {"employee_pin": person.name, "case_number": person.case}})
    await tell_as_case_system(platform, wrong, person)
    found = Found(Needles((*person.values(), *person.numbers())))
    async with asyncio.timeout(60):
        for database in ("production", "retention", "disclosure"):
            while not await platform.rows(database, "SELECT 1 FROM dead_letter"):
                await asyncio.sleep(0.2)
    async for place, content in dumps(platform, SERVICES):
        found.look("dump", place, content)
    for place, content in files(platform.home.path / "log"):
        found.look("logs", place, content)
    async for place, content in metrics(platform):
        found.look("metrics", place, content)
    assert not found.leaks, "\n".join(found.places())


async def tell_as_case_system(platform: RunningPlatform, value: bytes, person: Person) -> None:
    settings = platform.settings_of("case_system")
    async with make_broker(settings, client_id="test") as broker:
        for topic, kind in (("action.completed", ActionCompleted), ("disclosure.requested", DisclosureRequested)):
            headers = {
                "ce_specversion": "1.0", "ce_id": str(new_id()), "ce_type": kind.event_type, "ce_source": "/cases",
                "ce_time": "2026-03-02T14:00:00Z", "ce_subject": "x", "content-type": "application/json",
            }  # fmt: skip
            await broker.publish(
                [Record(topic, person.case, value, headers), Record(topic, "x", b"{" + value, headers)]
            )
