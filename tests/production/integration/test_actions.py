"""Finished work comes in by events and by HTTP, each piece once (invariant 8)."""

from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from common.auth import ROLES
from common.contracts.envelope import decode
from common.contracts.production import ACTION_EVENTS, ActionCompleted
from common.ids import new_id
from common.messaging.broker import Record
from common.protection.events import open_events
from common.testing import Issuer
from tests.production.integration.conftest import Store
from tests.production.work import KEYRING, MORNING, action, chat, event, transcript

ACTIONS = "SELECT * FROM action ORDER BY action_id"
LETTERS = 'SELECT error_class, reason, value FROM dead_letter ORDER BY "offset"'


async def outbox(store: Store) -> list[Record]:
    rows = await store.rows("SELECT topic, key, value, headers FROM outbox ORDER BY position")
    return [Record(r["topic"], r["key"], r["value"], orjson.loads(r["headers"])) for r in rows]


async def test_an_action_is_stored_as_it_was_told(store: Store) -> None:
    told = action(session_id=str(new_id()), pii={"case_number": "EAC2612345678"})
    await store.hear_data(told)
    row = dict((await store.rows(ACTIONS))[0])
    expected = told | {"receipt": "EAC2612345678", "requestor": None, "requestor_number": None}
    expected |= {"source": "/case-systems/elis", "employee_id": str(await store.employee("100001"))}
    del expected["pii"]
    shown = {k: v if isinstance(v, str | None) else v.isoformat() if "_at" in k else str(v) for k, v in row.items()}
    assert shown == expected


@pytest.mark.parametrize("number", ["A12345678", "219099999012"])
async def test_what_names_a_requestor_is_sealed_and_known_again(store: Store, number: str) -> None:
    told = action(pii={"case_number": number})
    await store.hear_data(told, told | {"office": "S02"})
    await store.hear_data(told | {"pii": told["pii"] | {"case_number": "A87654321"}}, told)
    (row,) = await store.rows(ACTIONS)
    assert row["receipt"] == ""
    keys = await store.keys()
    assert row["requestor"] in keys.blinds("requestor", number)
    assert keys.open(row["requestor_number"], f"action.requestor_number|{row['action_id']}") == number
    everything = "".join(str(tuple(r)) for r in await store.rows("SELECT a::text, e::text FROM action a, employee e"))
    assert number not in everything
    assert "100001" not in everything
    reasons = {r["reason"] for r in await store.rows(LETTERS)}
    assert reasons == {"action_id: this id stands for another action already"}
    assert await store.count("dead_letter") == 2


async def test_twice_is_once_in_one_batch_and_in_several(store: Store) -> None:
    told, session = action(), new_id()
    first, sealed = event(told), event(transcript(session))
    await store.hear(first, first, event(told), sealed, sealed)
    await store.hear(first, event(told), sealed)
    assert (await store.count("action"), await store.count("handled_transcript")) == (1, 1)
    assert await store.count("dead_letter") == 0


async def test_the_order_of_chat_and_transcript_does_not_matter(store: Store) -> None:
    one, other = new_id(), new_id()
    await store.hear_data(chat(one), transcript(one))
    await store.hear_data(transcript(other), chat(other))
    sql = "SELECT count(*) FROM action JOIN handled_transcript USING (session_id)"
    assert (await store.rows(sql))[0][0] == 2


async def test_another_action_under_the_same_id_is_set_aside_and_the_rest_goes_on(store: Store) -> None:
    told, later = action(), action()
    await store.hear_data(told)
    await store.hear_data(told | {"outcome": "denied"}, later)
    assert [row["outcome"] for row in await store.rows(ACTIONS)] == ["approved", "approved"]
    letters = await store.rows(LETTERS)
    assert [(r["error_class"], r["reason"]) for r in letters] == [
        ("ConflictError", "action_id: this id stands for another action already")
    ]


async def test_a_second_transcript_of_a_session_is_set_aside(store: Store) -> None:
    session = new_id()
    first = transcript(session)
    await store.hear_data(first)
    await store.hear_data(transcript(session))
    await store.hear_data(first | {"message_count": 13})
    assert [r["message_count"] for r in await store.rows("SELECT message_count FROM handled_transcript")] == [12]
    assert [r["error_class"] for r in await store.rows(LETTERS)] == ["ConflictError", "ConflictError"]


@pytest.mark.req("S3-042")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"pii": {"case_number": "Jane Smith"}}, "data.pii.case_number"),
        ({"pii": {"employee_pin": ""}}, "data.pii.employee_pin"),
        ({"completed_at": (MORNING - timedelta(minutes=1)).isoformat()}, "data.completed_at"),
        ({"started_at": "2026-03-02T09:00:00"}, "data.started_at"),
    ],
)
async def test_an_action_that_breaks_a_rule_is_set_aside_without_its_content(
    store: Store, changes: dict[str, Any], field: str
) -> None:
    await store.hear_data(action(**changes), action())
    letter = (await store.rows(LETTERS))[0]
    assert letter["error_class"] == "PoisonEventError"
    assert letter["reason"].startswith(f"{field}: ")
    assert letter["value"] is None
    assert await store.count("action") == 1


async def test_a_transcript_whose_times_make_no_sense_is_set_aside(store: Store) -> None:
    await store.hear_data(
        transcript(new_id(), closed_at=(MORNING - timedelta(minutes=1)).isoformat()),
        transcript(new_id(), opened_at="2026-03-02T09:00:00"),
    )
    assert [r["reason"].split(":")[0] for r in await store.rows(LETTERS)] == [
        "data.closed_at",
        "data.opened_at, data.closed_at",
    ]
    assert await store.count("handled_transcript") == 0


async def test_nothing_of_a_customer_is_kept_of_what_a_newer_producer_may_add(store: Store) -> None:
    session = new_id()
    await store.hear_data(
        action(customer_name="Jane Smith", pii={"customer_email": "jane@example.org"}),
        transcript(session, pii={"display_name": "Jane Smith"}),
    )
    assert (await store.count("action"), await store.count("handled_transcript")) == (1, 1)
    everything = str([tuple(r) for table in ("action", "handled_transcript", "dead_letter")
                      for r in await store.rows(f"SELECT t::text FROM {table} AS t")])  # fmt: skip
    assert "Jane" not in everything
    assert "jane" not in everything


async def test_a_large_batch_goes_in_as_a_set(store: Store) -> None:
    data = [action(pii={"employee_pin": str(100_000 + n % 7)}) for n in range(500)]
    await store.hear_data(*data)
    assert (await store.count("action"), await store.count("employee")) == (500, 7)


class TestByHttp:
    """A case system reports by HTTP what it could also tell by an event."""

    @pytest.fixture
    def system(self, issuer: Issuer) -> dict[str, str]:
        return issuer.headers("case_system") | {"Idempotency-Key": "k1"}

    async def test_what_is_taken_is_stored_and_told_in_one(
        self, store: Store, client: httpx.AsyncClient, system: dict[str, str]
    ) -> None:
        body = action(pii={"case_number": "EAC2612345678"})
        answer = await client.post("/v1/actions", json=body, headers=system)
        assert (answer.status_code, answer.json()) == (201, {"action_id": body["action_id"], "new": True})
        assert [str(r["action_id"]) for r in await store.rows(ACTIONS)] == [body["action_id"]]
        told = await open_events(KEYRING, [decode(record, ACTION_EVENTS) for record in await outbox(store)])
        assert [e.data for e in told] == [ActionCompleted.model_validate(body)]
        assert [(e.source, e.subject) for e in told] == [("/muniment/production", body["action_id"])]
        audit = await store.rows("SELECT user_id, action, outcome, record_ids, terminal FROM audit_entry")
        assert [tuple(r)[:4] for r in audit] == [("case_system-1", "action.record", "done", [body["action_id"]])]

    async def test_hearing_what_it_told_itself_changes_nothing(
        self, store: Store, client: httpx.AsyncClient, system: dict[str, str]
    ) -> None:
        await client.post("/v1/actions", json=action(), headers=system)
        before = [tuple(r) for r in await store.rows(ACTIONS)]
        await store.hear(*await outbox(store))
        assert [tuple(r) for r in await store.rows(ACTIONS)] == before
        assert await store.count("dead_letter") == 0

    async def test_sending_it_again_does_nothing_new(
        self, store: Store, client: httpx.AsyncClient, system: dict[str, str]
    ) -> None:
        body = action()
        first = await client.post("/v1/actions", json=body, headers=system)
        again = await client.post("/v1/actions", json=body, headers=system)
        other_key = await client.post("/v1/actions", json=body, headers=system | {"Idempotency-Key": "k2"})
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["Idempotent-Replay"] == "true"
        assert other_key.json() == {"action_id": body["action_id"], "new": False}
        assert (await store.count("action"), await store.count("outbox")) == (1, 1)

    async def test_another_action_under_its_id_or_key_is_refused(
        self, store: Store, client: httpx.AsyncClient, system: dict[str, str]
    ) -> None:
        body = action()
        await client.post("/v1/actions", json=body, headers=system)
        for headers in (system, system | {"Idempotency-Key": "k2"}):
            answer = await client.post("/v1/actions", json=body | {"outcome": "denied"}, headers=headers)
            assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
        assert [r["outcome"] for r in await store.rows(ACTIONS)] == ["approved"]

    @pytest.mark.req("S3-014")
    @pytest.mark.parametrize(
        "more", [{"customer_name": "Jane Smith"}, {"pii": {"customer_email": "jane@example.org"}}, {"note": ""}]
    )
    async def test_fields_beyond_the_listed_ones_are_refused(
        self, store: Store, client: httpx.AsyncClient, system: dict[str, str], more: dict[str, Any]
    ) -> None:
        answer = await client.post("/v1/actions", json=action(**more), headers=system)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"].startswith("body.")
        assert "ane" not in answer.text.replace("muniment", "")
        assert await store.count("action") == 0

    async def test_every_broken_rule_is_named(
        self, store: Store, client: httpx.AsyncClient, system: dict[str, str]
    ) -> None:
        body = action(pii={"case_number": "Jane", "employee_pin": "?"}, completed_at="2026-03-02T01:00:00Z")
        answer = await client.post("/v1/actions", json=body, headers=system)
        assert answer.status_code == 422
        assert [e["field"] for e in answer.json()["errors"]] == ["completed_at", "pii.employee_pin", "pii.case_number"]
        assert await store.count("action") == 0

    async def test_it_needs_a_key(self, client: httpx.AsyncClient, issuer: Issuer) -> None:
        answer = await client.post("/v1/actions", json=action(), headers=issuer.headers("case_system"))
        assert (answer.status_code, answer.json()["missing"]) == (422, ["header.Idempotency-Key"])

    @pytest.mark.req("S3-040", "S3-109")
    async def test_only_case_systems_report(self, store: Store, client: httpx.AsyncClient, issuer: Issuer) -> None:
        roles = sorted(ROLES - {"case_system"})
        for role in roles:
            headers = issuer.headers(role) | {"Idempotency-Key": "k1"}
            assert (await client.post("/v1/actions", json=action(), headers=headers)).status_code == 403, role
        assert await store.count("action") == 0
        audit = await store.rows("SELECT user_id, action, outcome FROM audit_entry ORDER BY position")
        assert [tuple(r) for r in audit] == [(f"{role}-1", "action.record", "refused") for role in roles]
