"""Who has nothing to do with a request learns nothing, and a dump of the store shows nobody."""

from collections.abc import MutableMapping
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.disclosure.requests_desk import ADDRESS, CONTESTED, NAME, NUMBER, REFUSAL, STATEMENT, Counter
from tests.plugins.likeness import told_apart

ACTS = [("GET", ""), ("POST", "/answer"), ("POST", "/review"), ("POST", "/statement"), ("POST", "/withdrawal")]
BODIES: dict[str, Any] = {"/answer": {"description": "x"}, "/statement": {"portion": "a", "statement": "b"}}


def shape(answer: Any) -> Any:
    """An answer without what differs from one call to the next anyway."""
    problem = {k: v for k, v in answer.json().items() if k != "instance"}
    headers = {k: v for k, v in answer.headers.items() if k not in {"x-request-id", "date"}}
    return answer.status_code, problem, sorted(headers)


@pytest.mark.parametrize(("method", "act"), ACTS)
async def test_unknown_and_somebody_elses_are_one_answer_after_the_same_work(
    counter: Counter, method: str, act: str
) -> None:
    theirs = (await counter.refused())["id"]
    said, worked = [], []
    statements: list[str] = []

    def heard(*call: Any) -> None:
        statements.append(str(call[2]))

    event.listen(Engine, "before_cursor_execute", heard)
    try:
        for request in (theirs, str(uuid4()), theirs, str(uuid4())):
            statements.clear()
            path = f"/me/individual-requests/{request}{act}"
            answer = await counter.send(method, path, BODIES.get(act), role="customer", sub="customer-2")
            said.append(shape(answer))
            worked.append(list(statements))
    finally:
        event.remove(Engine, "before_cursor_execute", heard)
    assert said[0][0] == 404
    assert said.count(said[0]) == len(said)
    assert worked[0]
    assert worked[2] == worked[3] == worked[1]


@pytest.mark.req("S2-045")
async def test_unknown_and_somebody_elses_take_the_same_time(counter: Counter) -> None:
    theirs, nowhere = (await counter.refused())["id"], str(uuid4())
    headers = counter.issuer.headers("customer", sub="customer-2")
    assert not await told_apart(
        lambda: counter.client.get(f"/v1/me/individual-requests/{theirs}", headers=headers),
        lambda: counter.client.get(f"/v1/me/individual-requests/{nowhere}", headers=headers),
    )


async def test_nothing_found_and_not_yours_are_one_wording(counter: Counter) -> None:
    letters = []
    for reason in ("There is nothing.", "It is about somebody else, namely."):
        request = (await counter.file("access", records=[str(uuid4())]))["id"]
        ruling = REFUSAL | {"found": False, "grounds": ["no-record"], "reason": reason}
        await counter.act(request, "decision", ruling)
        own = await counter.own(request)
        letters.append((own["letters"][-1]["text"], own["found"], own["state"]))
    assert letters[0] == letters[1]
    assert "namely" not in letters[0][0]


async def test_a_request_names_any_record_and_is_told_nothing_of_it(counter: Counter) -> None:
    known = uuid4()
    await counter.store.execute("INSERT INTO known_transcript VALUES ($1, $2)", known, counter.clock.now())
    answers = [await counter.file("access", records=[str(one)]) for one in (known, uuid4())]
    assert [{**a, "id": ""} for a in answers] == [{**answers[0], "id": ""}] * 2


async def test_the_list_holds_ones_own_alone(counter: Counter) -> None:
    mine = (await counter.file(sub="customer-1"))["id"]
    await counter.file(sub="customer-2")
    found = await counter.do("GET", "/me/individual-requests", role="customer", sub="customer-1", status=200)
    assert [r["id"] for r in found["items"]] == [mine]


async def test_a_dump_of_the_store_and_the_logs_show_nobody(
    counter: Counter, logged: list[MutableMapping[str, Any]]
) -> None:
    from_mail = await counter.take_in(
        requester={"name": NAME, "ssn": NUMBER, "address": ADDRESS, "other": "born in Springfield"}
    )
    await counter.act(from_mail["id"], "question", {"question": "Quirina, which one?"})
    request = (await counter.refused())["id"]
    await counter.do("POST", f"/me/individual-requests/{request}/review", role="customer")
    final = {"outcome": "refused", "found": True, "grounds": ["record-is-right"], "reason": "Quirina, it stands."}
    await counter.act(request, "review/decision", final, sub="privacy_officer-2")
    body = {"portion": CONTESTED, "statement": STATEMENT}
    await counter.do("POST", f"/me/individual-requests/{request}/statement", body, role="customer")
    record = (await counter.detail(request))["records"][0]
    assert (await counter.do("GET", f"/disputes?record_id={record}", status=200))["items"][0]["statement"] == STATEMENT
    dumped = str(logged)
    for (name,) in await counter.store.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    ):
        dumped += str(await counter.store.fetch(f'SELECT * FROM "{name}"'))
    assert "individual_request" in str(await counter.store.fetch("SELECT tablename FROM pg_tables"))
    for word in ("Quirina", "Telltale", "Whisper", "219-09", "219099999", "Springfield", "zebra", "yonder", "lease",
                 REFUSAL["reason"]):  # fmt: skip
        assert word not in dumped
    accounts = await counter.store.fetchval("SELECT count(*) FROM individual_request WHERE account IS NOT NULL")
    assert accounts == 1
    own = await counter.detail(from_mail["id"])
    assert own["person"]["requester"]["name"] == NAME


async def test_every_act_and_every_refusal_leaves_one_entry(counter: Counter) -> None:
    request = (await counter.file())["id"]
    await counter.send("GET", f"/me/individual-requests/{request}", role="customer", sub="customer-2")
    await counter.own(request)
    rows = await counter.store.fetch(
        "SELECT user_id, action, outcome, record_ids, fields FROM audit_entry ORDER BY position"
    )
    assert [(r["user_id"], r["action"], r["outcome"]) for r in rows] == [
        ("customer-1", "individual.file-own", "done"),
        ("customer-2", "individual.read-own", "not_found"),
        ("customer-1", "individual.read-own", "done"),
    ]
    assert all(request in r["record_ids"] for r in rows)
    assert rows[2]["fields"] == ["letters"]
