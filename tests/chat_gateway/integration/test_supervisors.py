"""Supervisors listen, whisper and step in: only above the employee of that day, on the record, and unheard by the public."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from chat_gateway.supervising import chart
from common.contracts.production import ChartPii, ChartPlace, EmployeeAssigned
from common.database import Database
from common.ids import new_id
from common.protection.making import make_service_keys
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_handing_on import taken
from tests.chat_gateway.integration.test_notes import anything, noted
from tests.chat_gateway.integration.test_offers import free, offered
from tests.chat_gateway.talking import Frame, Talker

AGENT, CHIEF, HEAD, OTHER = "100001", "200002", "300003", "400004"
SECRET = "offer her the fee waiver, she does not know of it"
TODAY = date(2026, 3, 2)


def placed(pin: str, *history: tuple[str, date, date | None], employee_id: UUID | None = None) -> EmployeeAssigned:
    """An employee's history: supervisor, from, until."""
    return EmployeeAssigned(
        employee_id=employee_id or new_id(),
        revision=1,
        places=[ChartPlace(valid_from=begins, valid_to=ends) for _, begins, ends in history],
        pii=ChartPii(employee_pin=pin, supervisor_pins=[supervisor for supervisor, _, _ in history]),
    )


@asynccontextmanager
async def charted(gateway: Gateway, *told: EmployeeAssigned) -> AsyncIterator[Database]:
    """With this chart, as production told it."""
    database = Database(gateway.settings, application="test")
    await tell(gateway, database, *told)
    yield database
    await database.close()


async def tell(gateway: Gateway, database: Database, *told: EmployeeAssigned) -> None:
    keys = await make_service_keys(gateway.settings, "chat_gateway", gateway.clock).ready()
    async with database.unit_of_work() as session:
        await chart.take_in(session, keys, told)


def chief(gateway: Gateway, pin: str = CHIEF, **claims: Any) -> Any:
    return gateway.talker("supervisor", sub=f"s-{pin}", pin=pin, display_name="Ms. Okafor", **claims)


async def listening(supervisor: Talker, session_id: UUID, purpose: str = "quality-review") -> Frame:
    return await supervisor.ask("monitoring", type="monitor", session_id=session_id, purpose=purpose)


async def ends(gateway: Gateway) -> int:
    return (await gateway.rows("SELECT count(*) FROM audit_entry WHERE action = 'session.unmonitor'"))[0][0]  # type: ignore[no-any-return]


async def until_ended(gateway: Gateway, number: int) -> None:
    async with asyncio.timeout(30):
        while await ends(gateway) < number:
            await asyncio.sleep(0.05)


async def test_the_chart_is_asked_for_the_day_and_through_all_levels(gateway: Gateway) -> None:
    agent_id = new_id()
    told = [
        placed(AGENT, (OTHER, date(2025, 1, 1), TODAY), (CHIEF, TODAY, None), employee_id=agent_id),
        placed(CHIEF, (HEAD, date(2020, 1, 1), None)),
        placed(HEAD, (CHIEF, date(2026, 6, 1), None)),  # from June they run in a circle
    ]
    async with charted(gateway, *told) as database:
        keys = await make_service_keys(gateway.settings, "chat_gateway", gateway.clock).ready()

        async def above(supervisor: str, day: date = TODAY, employee: str = AGENT) -> bool:
            async with database.reading() as session:
                return await chart.is_above(session, keys, supervisor, employee, day)

        assert await above(CHIEF)
        assert await above(HEAD), "through others"
        assert not await above(OTHER), "not any more"
        assert await above(OTHER, date(2026, 3, 1))
        assert not await above(CHIEF, date(2026, 3, 1))
        assert not await above(AGENT), "nobody is above themselves"
        assert not await above(AGENT, employee=CHIEF)
        assert not await above(OTHER, date(2026, 7, 1)), "a circle ends"
        await tell(gateway, database, placed(AGENT, ("", TODAY, None), employee_id=agent_id))
        assert not await above(CHIEF), "what is told replaces what was known"
    stored = await gateway.rows("SELECT string_agg(t::text, '') AS said FROM chart_place t")
    assert not any(pin in stored[0]["said"] for pin in (AGENT, CHIEF, HEAD, OTHER))


@pytest.mark.req("S1-018", "S3-065")
async def test_only_who_is_above_the_employee_listens_and_both_ends_are_on_the_record(gateway: Gateway) -> None:
    agent_id = new_id()
    async with (
        charted(gateway, placed(AGENT, (CHIEF, TODAY, None), employee_id=agent_id)) as database,
        gateway.replica() as elsewhere,
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as agent,
        chief(elsewhere) as supervisor,
        chief(gateway, OTHER) as stranger,
    ):
        waiting = await customer.open()
        nobodys = await supervisor.ask("error", type="monitor", session_id=waiting, purpose="quality-review")
        assert nobodys["code"] == "unknown-session", "who waits has no employee to be supervised"
        await agent.ask("joined", type="join", session_id=waiting)
        await noted(agent, waiting, "a note of the agent's")
        for purpose, code in (("quality-review", "unknown-session"), ("curiosity", "malformed-frame")):
            refused = await stranger.ask("error", type="monitor", session_id=waiting, purpose=purpose)
            assert refused["code"] == code
        refused = await agent.ask("error", type="monitor", session_id=waiting, purpose="training")
        assert refused["code"] == "forbidden"
        shown = await listening(supervisor, waiting)
        assert [p["role"] for p in shown["participants"]] == ["customer", "agent"]
        await supervisor.until_seq(waiting, 2)
        assert (await supervisor.first("note"))["text"] == "a note of the agent's"
        await customer.post(waiting, "Hello?")
        await supervisor.until_seq(waiting, 3)
        for frame in ({"type": "send", "text": "x", "client_id": uuid4()}, {"type": "typing", "on": True},
                      {"type": "receipt", "kind": "read", "up_to": 3}, {"type": "close"},
                      {"type": "note", "text": "x", "client_id": uuid4()}):  # fmt: skip
            answer = await supervisor.ask("error", session_id=waiting, **frame)
            assert answer["code"] in {"unknown-session", "forbidden"}, frame
        await supervisor.ask("left", type="unmonitor", session_id=waiting)
        await until_ended(gateway, 1)
        await listening(supervisor, waiting, "training")
        await tell(gateway, database, placed(AGENT, (OTHER, TODAY, None), employee_id=agent_id))
        await supervisor.until(lambda: len(supervisor.all("left")) == 2)
        await until_ended(gateway, 2)
        before = len(supervisor.entries(waiting))
        await customer.post(waiting, "Still there?")
        await supervisor.ask("pong", type="ping")
        assert len(supervisor.entries(waiting)) == before, "who is above no more hears no more"
        await listening(stranger, waiting)
    await until_ended(gateway, 3)
    seen = str(customer.frames) + str([f for f in agent.frames if f["type"] != "error"])
    assert "Okafor" not in seen
    assert not agent.all("monitored"), "silent unless the agency says otherwise"
    rows = await gateway.rows(
        "SELECT action, outcome, purpose, record_ids FROM audit_entry WHERE action LIKE 'session.%monitor' ORDER BY position"
    )
    done = [(r["action"], r["purpose"]) for r in rows if r["outcome"] == "done"]
    assert sorted(done) == sorted(
        (action, purpose)
        for purpose in ("quality-review", "training", "quality-review")
        for action in ("session.monitor", "session.unmonitor")
    )
    begun, ended = ({tuple(r["record_ids"]) for r in rows if r["outcome"] == "done" and r["action"] == a}
                    for a in ("session.monitor", "session.unmonitor"))  # fmt: skip
    assert begun == ended, "each end names the watch that began"


async def test_no_sequence_of_frames_brings_a_whisper_to_a_customer_or_to_another_employee(gateway: Gateway) -> None:
    chance = random.Random(23)  # noqa: S311 - a sequence that can be run again
    async with (
        charted(gateway, placed(AGENT, (CHIEF, TODAY, None)), placed("222222", (CHIEF, TODAY, None))),
        gateway.replica() as other,
        gateway.talker("customer") as customer,
        other.talker("customer") as second,
        gateway.talker("agent", sub="a-1") as agent,
        other.talker("agent", sub="a-2", pin="222222") as colleague,
        chief(other) as supervisor,
    ):
        session_id = await taken(agent, customer)
        await second.ask("resumed", type="resume", session_id=session_id, after_seq=0)
        await listening(supervisor, session_id, "training")
        client_id = uuid4()
        for number in range(120):
            if number % 30 == 0:
                again = client_id if number < 60 else uuid4()
                said = await supervisor.ask(
                    "whisper", type="whisper", session_id=session_id, client_id=again, text=SECRET
                )
            frame = anything(chance, session_id)
            if frame["type"] not in {"close", "leave"}:
                await chance.choice([customer, second]).say(**frame)
        assert said["number"] == 3, "the same id is the same whisper"
        await agent.until(lambda: len(agent.all("whisper")) == 3)
        headers = gateway.issuer.headers("customer")
        async with httpx.AsyncClient(base_url=gateway.http, headers=headers) as http:
            tails = ("", "/entries", "/notes", "/place", "/receipts")
            pages = [await http.get(f"/v1/sessions/{session_id}{tail}") for tail in tails]
            poll = await http.get("/v1/chat/poll", params={"hear": f"{session_id}:0"})
            stream = ""
            async with http.stream("GET", "/v1/chat/stream", params={"hear": f"{session_id}:0"}) as lines:
                async for line in lines.aiter_lines():
                    stream += line
                    if '"message"' in line or "joined" in line:
                        break
        await free(colleague)
        await agent.ask("transfer", type="transfer", session_id=session_id, agent="a-2", reason="language")
        await offered(colleague, session_id)
        await colleague.ask("joined", type="accept", session_id=session_id)
        await supervisor.first("left")
        await noted(colleague, session_id, "what was the matter?")
        async with httpx.AsyncClient(base_url=gateway.http) as http:
            url = f"/v1/sessions/{session_id}/notes"
            theirs = await http.get(url, headers=gateway.issuer.headers("agent", sub="a-2", pin="222222"))
            quality = {"Purpose-Of-Use": "quality-review"}
            kept = await http.get(url, headers=gateway.issuer.headers("supervisor", pin=CHIEF) | quality)
        for talker in (customer, second):
            await talker.ask("pong", type="ping")
    public = str(customer.frames) + str(second.frames) + "".join(p.text for p in pages) + poll.text + stream
    assert SECRET not in public
    assert "opened" in stream + poll.text
    assert SECRET not in str(colleague.frames) + theirs.text, "coaching of one employee is not for the next"
    assert [n["sort"] for n in kept.json()["notes"]] == ["whisper", "whisper", "whisper", "note"]
    told = await gateway.rows("SELECT string_agg(convert_from(value, 'UTF8') || headers, '') AS said FROM outbox")
    assert SECRET not in told[0]["said"]


async def test_a_supervisor_steps_in_for_everybody_to_see_and_takes_nothing_from_the_employee(gateway: Gateway) -> None:
    async with (
        charted(gateway, placed(AGENT, (CHIEF, TODAY, None))),
        gateway.replica(monitoring_shown=True) as telling,
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as agent,
        chief(telling) as supervisor,
    ):
        session_id = await taken(agent, customer)
        unasked = await supervisor.ask("error", type="enter", session_id=session_id)
        assert unasked["code"] == "unknown-session", "who does not listen does not step in"
        await listening(supervisor, session_id, "program-administration")
        assert (await agent.first("monitored"))["state"] == "began"
        await supervisor.ask("joined", type="enter", session_id=session_id)
        await customer.until_seq(session_id, 3)
        entry = customer.entries(session_id)[-1]
        assert (entry["role"], entry["pii"]) == ("supervisor", {"display_name": "Ms. Okafor"})
        assert (await supervisor.post(session_id, "I have found your papers."))["seq"] == 4
        assert (await agent.post(session_id, "Thank you!"))["seq"] == 5, "it is the agent's still"
        await supervisor.until_seq(session_id, 5)  # of another process
        assert (await supervisor.ask("joined", type="enter", session_id=session_id))["last_seq"] == 5, "once is enough"
        said = await supervisor.ask("whisper", type="whisper", session_id=session_id, client_id=uuid4(), text=SECRET)
        assert said["text"] == SECRET
        refused = await supervisor.ask("error", type="close", session_id=session_id)
        assert refused["status"] in {403, 404}
        row = (await gateway.rows("SELECT stage, owner FROM placement"))[0]
        assert (row["stage"], row["owner"]) == ("active", "a-1")
        await agent.ask("closed", type="close", session_id=session_id)
        await supervisor.first("closed")
        await until_ended(gateway, 1)
        await agent.until(lambda: [f["state"] for f in agent.all("monitored")] in (["began"], ["began", "ended"]))
    assert SECRET not in str(customer.frames)
    handled = await gateway.rows("SELECT count(*) FROM outbox WHERE topic = 'action.completed'")
    assert handled[0][0] == 1, "the chat was handled by its employee alone"


async def test_a_watch_whose_process_died_is_ended_on_the_record_by_another(gateway: Gateway) -> None:
    """Nobody hears it any more and nobody recorded its end: what is left of it is its row."""
    async with (
        charted(gateway, placed(AGENT, (CHIEF, TODAY, None))),
        gateway.replica(monitoring_shown=True) as telling,
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as agent,
        chief(gateway) as supervisor,
    ):
        session_id = await taken(agent, customer)
        heard = await listening(supervisor, session_id, "training")
        dead = uuid4()
        await gateway.rows(
            "INSERT INTO watch SELECT $1, session_id, agent_id, 's-9', 'quality-review', terminal, began_at, began_at FROM watch",
            dead,
        )
        gateway.clock.turn(seconds=telling.settings.watch_seconds - 1)
        async with asyncio.timeout(10):  # the one that is heard is said to be, at the new time
            while not await gateway.rows("SELECT FROM watch WHERE seen_at > began_at"):
                await asyncio.sleep(0.05)
        assert await ends(gateway) == 0, "there is time to come back"
        gateway.clock.turn(seconds=2)
        await until_ended(gateway, 1)
        rows = await gateway.rows(
            "SELECT user_id, purpose, record_ids FROM audit_entry WHERE action = 'session.unmonitor'"
        )
        ended = (rows[0]["user_id"], rows[0]["purpose"], rows[0]["record_ids"])
        assert ended == ("s-9", "quality-review", [str(session_id), str(dead)])
        assert not supervisor.all("left"), "who is heard goes on"
        living = await gateway.rows("SELECT id FROM watch WHERE ended_at IS NULL")
        assert [str(row["id"]) for row in living] == [heard["participant_id"]]
