"""What case systems tell by events comes sealed under keys that were issued to them, and in no other way."""

import base64
import os

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.contracts.personal import opened
from common.contracts.production import ActionCompleted
from common.testing import Issuer
from tests.production.integration.conftest import Store
from tests.production.work import KEYRING, action, event

LETTERS = 'SELECT error_class, reason, key, value, headers FROM dead_letter ORDER BY "offset"'


async def test_a_case_system_takes_keys_seals_and_is_heard(
    store: Store, client: httpx.AsyncClient, issuer: Issuer
) -> None:
    answer = await client.post("/v1/data-keys", json={"number": 3}, headers=issuer.headers("case_system"))
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    keys = answer.json()["keys"]
    assert len({key["id"] for key in keys}) == 3
    # As somebody who has nothing but the page that says how.
    body = action(pii={"case_number": "EAC2612345678"})
    nonce, place = os.urandom(12), f"muniment.action.completed.v1|{body['action_id']}".encode()
    sealed = AESGCM(base64.b64decode(keys[1]["secret"])).encrypt(nonce, orjson.dumps(body["pii"]), place)
    record = event(body)
    value = orjson.dumps(body | {"pii": {"key": keys[1]["id"], "sealed": base64.b64encode(nonce + sealed).decode()}})
    await store.hear(record.__class__(record.topic, record.key, value, record.headers))
    (row,) = await store.rows("SELECT action_id FROM action")
    assert str(row["action_id"]) == body["action_id"]
    (entry,) = await store.rows("SELECT user_id, action, record_ids FROM audit_entry")
    assert (entry["user_id"], entry["action"]) == ("case_system-1", "data-key.issue")
    assert sorted(entry["record_ids"]) == sorted(key["id"] for key in keys)


@pytest.mark.parametrize("role", ["agent", "customer", "supervisor", "portal", "auditor"])
async def test_nobody_else_gets_keys(client: httpx.AsyncClient, issuer: Issuer, role: str) -> None:
    assert (await client.post("/v1/data-keys", json={}, headers=issuer.headers(role))).status_code == 403


async def test_without_a_keyring_no_keys_and_no_report(client: httpx.AsyncClient, issuer: Issuer) -> None:
    KEYRING.reachable = False
    try:
        system = issuer.headers("case_system")
        assert (await client.post("/v1/data-keys", json={}, headers=system)).status_code == 503
        told = await client.post("/v1/actions", json=action(), headers=system | {"Idempotency-Key": "k"})
        assert told.status_code == 503, told.text
    finally:
        KEYRING.reachable = True


async def test_what_comes_in_the_open_is_set_aside_and_nothing_of_it_kept(store: Store) -> None:
    body = action(pii={"case_number": "EAC2612345678"})
    record = event(body)
    plain = record.__class__(record.topic, record.key, orjson.dumps(body), record.headers)
    await store.hear(plain, event(action()))
    (letter,) = await store.rows(LETTERS)
    assert letter["error_class"] == "PlainPiiError"
    assert letter["reason"] == "data.pii: a person's values must come sealed"
    assert (letter["key"], letter["value"]) == ("", None)
    assert orjson.loads(letter["headers"]) == {"ce_id": record.headers["ce_id"]}
    assert await store.count("action") == 1


async def test_what_does_not_open_is_set_aside_and_an_outage_of_the_keyring_only_waits(store: Store) -> None:
    good, other = event(action()), event(action())
    swapped = orjson.loads(good.value) | {"pii": orjson.loads(other.value)["pii"]}
    await store.hear(good.__class__(good.topic, good.key, orjson.dumps(swapped), good.headers))
    assert [r["reason"] for r in await store.rows(LETTERS)] == ["data.pii.sealed: it does not open for this event"]
    KEYRING.reachable = False
    try:
        with pytest.raises(ConnectionError):
            await store.hear(other)
    finally:
        KEYRING.reachable = True
    assert await store.count("action") == 0
    await store.hear(other)
    assert (await store.count("action"), await store.count("dead_letter")) == (1, 1)


def test_values_that_were_not_opened_cannot_be_taken_for_opened_ones() -> None:
    data = ActionCompleted.model_validate_json(event(action()).value)
    with pytest.raises(TypeError):
        opened(data.pii)
