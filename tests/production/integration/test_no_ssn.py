"""No social security number gets into this service's store, whatever door it comes by (invariant 10, S3 2.5)."""

import base64
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts.production import ActionCompleted
from common.ids import new_id
from common.messaging.broker import Record
from common.pii.ssn import UNKNOWN, WHOLE, holds_ssn
from common.testing import Issuer
from production.policy import SSN_RULE
from production.repository import meet_employees
from production.sealing import UnsealableError, case_number, sealed_pin
from tests.production.integration.conftest import ASSIGNMENTS, Store
from tests.production.work import SSN, action, chat, event, transcript

DIGITS = SSN.replace("-", "")
ONE = f"seen {SSN} there"


async def nothing_of_it_is_kept(store: Store) -> None:
    """Look through every column of every table for the number, in whatever form."""
    connection = await asyncpg.connect(store.url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert len(tables) >= 10
        for table in tables:
            for row in await connection.fetch(f"SELECT t::text AS line FROM {table['tablename']} AS t"):
                assert DIGITS not in "".join(c for c in row["line"] if c.isalnum()), table["tablename"]
                # bytea shows in hexadecimal
                assert SSN.encode().hex() not in row["line"], table["tablename"]
                assert base64.b64encode(SSN.encode()).decode() not in row["line"], table["tablename"]
    finally:
        await connection.close()


def structured(content_of: dict[str, Any], **more: Any) -> Record:
    content = {
        "specversion": "1.0",
        "id": str(new_id()),
        "type": ActionCompleted.event_type,
        "source": "/case-systems/elis",
        "time": "2026-03-02T12:00:00Z",
        "data": content_of,
    } | more
    value = orjson.dumps({k: v for k, v in content.items() if v is not None})
    return Record("action.completed", content_of["action_id"], value, {"content-type": "application/cloudevents+json"})


DOORS: dict[str, tuple[Record, str]] = {
    "the case number": (event(action(pii={"case_number": SSN})), "pii.case_number"),
    "the case number without hyphens": (event(action(pii={"case_number": DIGITS})), "pii.case_number"),
    "the outcome": (event(action(outcome=ONE)), "outcome"),
    "the form type": (event(action(form_type=SSN)), "form_type"),
    "the hour type": (event(action(hour_type=SSN)), "hour_type"),
    "the employee's PIN": (event(action(pii={"employee_pin": DIGITS})), "pii.employee_pin"),
    "the office": (event(action(office=ONE)), "office"),
    "the region": (event(action(region=ONE)), "region"),
    "a field that nobody knows": (event(action(remark=ONE)), UNKNOWN),
    "a field that nobody knows, deep": (event(action(pii={"x": [{"y": {"z": ONE}}]})), f"pii.{UNKNOWN}.[0].{UNKNOWN}.{UNKNOWN}"),
    "a name": (event(action(**{SSN: "x"})), UNKNOWN),
    "a number": (event(action(remark=int(DIGITS))), UNKNOWN),
    "a transcript's topic": (event(transcript(new_id(), chat_topic=ONE)), "chat_topic"),
    "the record's key": (event(action(), key=SSN), "key"),
    "the event's subject": (event(action(), headers={"ce_subject": SSN}), "ce_subject"),
    "the event's source": (event(action(), headers={"ce_source": f"/people/{SSN}"}), "ce_source"),
    "a header of the sender's own": (event(action(), headers={"remark": SSN}), WHOLE),
    "an event that lacks what it needs": (event({k: v for k, v in action(outcome=ONE).items() if k != "kind"}
                                                | {"transcript_id": "x"}), "outcome"),
    "an event of an unknown type": (event(action(outcome=ONE), headers={"ce_type": "muniment.strange.v1"}), "outcome"),
    "content that is no JSON": (event(action(), value=ONE.encode()), WHOLE),
    "content that is no text": (event(action(), value=b"\xff" + ONE.encode()), WHOLE),
    "an event in structured mode": (structured(action(outcome=ONE)), "data.outcome"),
    "an attribute in structured mode": (structured(action(), remark=ONE), UNKNOWN),
    "content encoded once more": (
        structured(action(), data=None, data_base64=base64.b64encode(orjson.dumps(action(outcome=SSN))).decode()),
        UNKNOWN,
    ),
    "a name that stands twice": (
        event(action(), value=orjson.dumps(action()).replace(b'"outcome":', f'"outcome":"{SSN}","outcome":'.encode())),
        WHOLE,
    ),
}  # fmt: skip


@pytest.mark.req("S3-052")
async def test_the_consumer_sets_an_event_with_one_aside_and_keeps_nothing_of_it(store: Store) -> None:
    good = action()
    await store.hear(*(record for record, _ in DOORS.values()), event(good))
    letters = await store.rows('SELECT * FROM dead_letter ORDER BY "offset"')
    for letter, (door, (_, field)) in zip(letters, DOORS.items(), strict=True):
        assert letter["error_class"] == "PoisonEventError", door
        assert letter["reason"] == f"{field}: {SSN_RULE}", door
        assert (letter["key"], letter["value"]) == ("", None), door
        assert set(orjson.loads(letter["headers"])) <= {"ce_id"}, door
    assert [str(row["action_id"]) for row in await store.rows("SELECT action_id FROM action")] == [good["action_id"]]
    assert await store.count("handled_transcript") == 0
    await nothing_of_it_is_kept(store)


async def test_the_sender_of_a_refused_event_can_be_told_which_it_was(store: Store) -> None:
    record = event(action(outcome=ONE))
    await store.hear(record)
    letter = (await store.rows("SELECT headers FROM dead_letter"))[0]
    assert orjson.loads(letter["headers"]) == {"ce_id": record.headers["ce_id"]}


REQUESTS: dict[str, tuple[dict[str, Any], str]] = {
    "the case number": (action(pii={"case_number": SSN}), "body.pii.case_number"),
    "the outcome": (action(outcome=ONE), "body.outcome"),
    "the employee's PIN": (action(pii={"employee_pin": DIGITS}), "body.pii.employee_pin"),
    "the office": (action(office=SSN), "body.office"),
    "a field that nobody knows": (action(remark=ONE), f"body.{UNKNOWN}"),
    "a field named after it": (action(ssn="9999"), f"body.{UNKNOWN}"),
}


@pytest.mark.req("S3-051", "S3-052")
@pytest.mark.parametrize("door", REQUESTS)
async def test_a_report_by_http_with_one_is_refused_naming_the_field(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, door: str
) -> None:
    body, field = REQUESTS[door]
    headers = issuer.headers("case_system") | {"Idempotency-Key": "k1"}
    answer = await client.post("/v1/actions", json=body, headers=headers)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [{"field": field, "message": SSN_RULE}]
    assert DIGITS not in "".join(c for c in answer.text if c.isalnum())
    assert await store.count("action") == await store.count("outbox") == await store.count("idempotency_key") == 0
    audit = await store.rows("SELECT user_id, action, outcome FROM audit_entry")
    assert [tuple(row) for row in audit] == [("case_system-1", "action.record", "refused")]
    await nothing_of_it_is_kept(store)


@pytest.mark.req("S3-052")
async def test_every_other_request_with_one_is_refused_too(
    store: Store, client: httpx.AsyncClient, issuer: Issuer
) -> None:
    system, administrator = issuer.headers("case_system"), issuer.headers("office_admin", pin="900001")
    agent, supervisor = issuer.headers("agent"), issuer.headers("supervisor", pin="200001")
    chart = {"assignments": [{"office": "S01", "region": "R1", "supervisor_pin": DIGITS, "valid_from": "2026-01-05"}]}
    plain = {"assignments": [{"office": "S01", "region": "R1", "valid_from": "2026-01-05"}]}
    answers = [
        await client.post("/v1/actions", json=action(), headers=system | {"Idempotency-Key": SSN}),
        await client.put(ASSIGNMENTS.format("100001"), json=chart, headers=administrator),
        await client.put(ASSIGNMENTS.format(DIGITS), json=plain, headers=administrator),
        await client.put(ASSIGNMENTS.format("100001"), json=plain, headers=administrator | {"If-Match": SSN}),
        await client.get(ASSIGNMENTS.format(SSN), headers=administrator),
        await client.get("/v1/reports/daily/me", params={"date": SSN}, headers=agent),
        await client.get("/v1/reports/daily/me", params={SSN: "1"}, headers=agent),
        await client.get(f"/v1/reports/daily/employees/{SSN}", params={"purpose": "reporting"}, headers=supervisor),
    ]
    assert [a.status_code for a in answers] == [422] * len(answers)
    assert [a.json()["errors"][0]["field"] for a in answers] == [
        "header.Idempotency-Key", "body.assignments.[0].supervisor_pin", "path.pin", "header.If-Match", "path.pin",
        "query.date", "query.(unknown)", "path.pin",
    ]  # fmt: skip
    await nothing_of_it_is_kept(store)


async def test_a_token_that_names_its_owner_by_one_opens_nothing(
    store: Store, client: httpx.AsyncClient, issuer: Issuer
) -> None:
    for claims in ({"sub": SSN}, {"pin": DIGITS}, {"office": SSN}):
        answer = await client.get("/v1/reports/daily/me", headers=issuer.headers("agent", **claims))
        assert answer.status_code == 403
    await nothing_of_it_is_kept(store)


WALLS = {
    "action.form_type": ("action", {"form_type": SSN}),
    "action.hour_type": ("action", {"hour_type": SSN}),
    "action.outcome": ("action", {"outcome": ONE}),
    "action.office": ("action", {"office": SSN}),
    "action.region": ("action", {"region": SSN}),
    "action.receipt": ("action", {"receipt": DIGITS}),
    "action.source": ("action", {"source": f"/{SSN}"}),
    "assignment.office": ("assignment", {"office": SSN}),
    "assignment.region": ("assignment", {"region": SSN}),
    "assignment.recorded_by": ("assignment", {"recorded_by": SSN}),
}


@pytest.mark.req("S3-051")
async def test_the_database_refuses_one_in_every_text_column(store: Store) -> None:
    """The second wall: also a fault in the service's code stores none."""
    connection = await asyncpg.connect(store.url)
    async with store.database.unit_of_work() as session:
        staff = await meet_employees(session, {"100001", "900001"}, await store.keys())
    employee, editor = staff["100001"], staff["900001"]
    good: dict[str, dict[str, Any]] = {
        "action": {"action_id": new_id(), "kind": "other", "form_type": "", "hour_type": "", "outcome": "done",
                   "office": "S01", "region": "R1", "employee_id": employee, "receipt": "", "source": "/x"},
        "assignment": {"id": new_id(), "employee_id": employee, "office": "S01", "region": "R1", "recorded_by": "a",
                       "recorded_by_id": editor},
    }  # fmt: skip
    times = {
        "action": {"started_at": "now()", "completed_at": "now()"},
        "assignment": {"valid_from": "current_date", "recorded_at": "now()"},
    }

    async def insert(table: str, values: dict[str, Any]) -> None:
        columns = [*values, *times[table]]
        places = [f"${n}" for n in range(1, len(values) + 1)] + list(times[table].values())
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(places)})"
        await connection.execute(sql, *values.values())

    texts = await connection.fetch(
        "SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE data_type = 'text' "
        "AND table_schema = 'public' AND table_name IN ('action', 'employee', 'assignment', 'handled_transcript')"
    )
    # `kind` takes listed words only, and who superseded a row is who may record one.
    assert set(WALLS) == {row["name"] for row in texts} - {"action.kind", "assignment.superseded_by"}
    for name, (table, fields) in WALLS.items():
        with pytest.raises(asyncpg.CheckViolationError, match=f"{table}_(holds_no_ssn|receipt_is_one)"):
            await insert(table, good[table] | fields)
        assert name.startswith(table)
    for table, values in good.items():
        await insert(table, values)
    await connection.close()


@pytest.mark.req("S3-051")
async def test_no_number_is_sealed_but_those_that_belong_here(store: Store) -> None:
    """What is sealed the database cannot look into: there the second wall stands before the seal."""
    keys = await store.keys()
    for value in (SSN, DIGITS, f"SSN{DIGITS}", ""):
        with pytest.raises(UnsealableError) as refused:
            sealed_pin(keys, value, new_id())
        assert not value or value not in str(refused.value)
    for value in (SSN, DIGITS, "Jane Smith", "A219-09-9999", f"A-Number {DIGITS}"):
        with pytest.raises(UnsealableError) as refused:
            case_number(keys, value, new_id())
        assert value not in str(refused.value)
    for table, column, stored in (
        ("employee", "pin", SSN.encode()),
        ("employee", "who", SSN.encode()),
        ("action", "requestor_number", SSN.encode()),
        ("action", "requestor", SSN.encode()),
        ("action", "receipt", "EAC123456789"),
    ):
        await store.hear_data(action())
        connection = await asyncpg.connect(store.url)
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(f"UPDATE {table} SET {column} = $1", stored)
        await connection.close()


TEXTS = st.lists(
    st.sampled_from(
        [*"0123456789", "21", "219", "219-09-9999", "9999", "-", " ", ".", "A", "A-", "SSN", "x", "\n", "/"]
    ),
    max_size=14,
).map("".join)


async def test_the_database_and_the_service_agree_on_what_is_one(store: Store) -> None:
    connection = await asyncpg.connect(store.url)
    samples: list[str] = []

    @settings(max_examples=2000, database=None, derandomize=True)
    @given(TEXTS)
    def collect(text: str) -> None:
        samples.append(text)

    collect()
    sql = "SELECT coalesce(holds_ssn(t), false) AS found FROM unnest($1::text[]) WITH ORDINALITY AS u (t, n) ORDER BY n"
    found = [row["found"] for row in await connection.fetch(sql, samples)]
    await connection.close()
    assert any(found)
    assert [text for text, there in zip(samples, found, strict=True) if there is not holds_ssn(text)] == []


async def test_what_looks_alike_is_taken(store: Store, client: httpx.AsyncClient, issuer: Issuer) -> None:
    alike = ("EAC1234567890", "A219099999", "A-219099999", "219099999012")
    headers = issuer.headers("case_system")
    for n, number in enumerate(alike):
        body = action(pii={"case_number": number})
        answer = await client.post("/v1/actions", json=body, headers=headers | {"Idempotency-Key": str(n)})
        assert answer.status_code == 201, number
    await store.hear_data(*(action(pii={"case_number": number}) for number in alike), chat(new_id()))
    assert (await store.count("action"), await store.count("dead_letter")) == (9, 0)
