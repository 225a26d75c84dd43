"""Auditors find what was asked, decided and disclosed by any key, take it away with proofs, and put it under today's rules."""

import asyncio
import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from common import audit
from disclosure import rulebook
from disclosure.settings import DisclosureSettings
from tests.disclosure.auditor import Auditor, auditor_of, past
from tests.disclosure.cases import base, stricter
from tests.disclosure.desk import OFFICER, RECIPIENT, Desk
from tests.disclosure.requests_desk import Counter
from tests.plugins.kit import execute_as_owner

CHECKER = Path(__file__).resolve().parents[3] / "deploy/audit/check_proof.py"
REGISTERS = ("requests", "decisions", "accountings", "individual-requests")


@pytest.fixture
async def auditor(desk: Desk, settings: DisclosureSettings, tmp_path: Path) -> AsyncIterator[Auditor]:
    async with auditor_of(desk, settings, tmp_path) as one:
        yield one


async def test_each_register_is_found_by_each_key_and_by_several_at_once(
    auditor: Auditor, desk: Desk, counter: Counter
) -> None:
    was = await past(desk, counter)
    first, second, third = was.decisions
    version = rulebook.current().version
    for asked, requests, decisions, accountings in (
        ({}, [was.released, was.denied, was.undecided], [first, second, third], [was.accounting]),
        ({"account_id": "account-77"}, [was.released], [first], [was.accounting]),
        ({"account_id": "somebody-else"}, [], [], []),
        ({"record_id": str(was.record)}, [was.released], [first], [was.accounting]),
        ({"request_id": str(was.denied)}, [was.denied], [second], []),
        ({"recipient_name": "QUENTIN  recipient."}, [was.released], [first], [was.accounting]),
        ({"recipient_name": "Quentin"}, [], [], []),
        ({"recipient_kind": "congressional-office"}, [was.denied], [second], []),
        ({"basis": "routine-use-7"}, [was.released, was.undecided], [first, third], [was.accounting]),
        ({"rule_version": version}, [was.released, was.denied, was.undecided], [first, second, third], [was.accounting]),
        ({"rule_version": "60-0383/1999"}, [], [], []),
        ({"officer": OFFICER}, [was.released, was.denied], [first, second], [was.accounting]),
        ({"officer": "officer-2", "basis": "routine-use-7"}, [was.undecided], [third], []),
        ({"officer": "officer-2", "basis": "routine-use-1"}, [], [], []),
        ({"requested_by": "nobody"}, [], [], []),
        ({"day_from": "2026-03-03", "day_to": "2026-03-03"}, [was.denied], [second], []),
        ({"day_to": "2026-03-02"}, [was.released], [first], [was.accounting]),
    ):  # fmt: skip
        assert await auditor.found("requests", **asked) == requests, asked
        assert await auditor.found("decisions", **asked) == decisions, asked
        assert await auditor.found("accountings", **asked) == accountings, asked
    for outcome, one, decision in (("allow", was.released, first), ("deny", was.denied, second)):
        assert await auditor.found("requests", outcome=outcome) == [one]
        assert await auditor.found("decisions", outcome=outcome) == [decision]
    for became, accountings in (("awaited", [was.accounting]), ("released", [])):
        assert await auditor.found("accountings", outcome=became) == accountings
    row = (await auditor.ask("accountings/search")).json()["items"][0]
    assert (row["became"], row["settled_at"]) == ("awaited", None)
    assert {name: row[name] for name in RECIPIENT} == RECIPIENT


@pytest.mark.req("S1-012")
async def test_individuals_requests_are_found_and_are_in_the_queue_of_the_office_that_the_notice_names(
    auditor: Auditor, desk: Desk, counter: Counter
) -> None:
    was = await past(desk, counter)
    later = UUID((await counter.file(sub="account-78", system="DHS/ALL-019"))["id"])
    for asked, wanted in (
        ({}, [was.individual, later]), ({"account_id": "account-77"}, [was.individual]), ({"kind": "access"}, [was.individual]),
        ({"record_id": str(was.record)}, [was.individual]), ({"outcome": "granted"}, [was.individual]),
        ({"officer": "privacy_officer-1"}, [was.individual]), ({"state": "received"}, [later]),
        ({"system": "DHS/ALL-019"}, [later]), ({"day_from": "2026-03-05"}, []), ({"day_to": "2026-03-03"}, []),
    ):  # fmt: skip
        assert await auditor.found("individual-requests", **asked) == wanted, asked
    items = (await auditor.ask("individual-requests/search")).json()["items"]
    notices = [rulebook.current(system).notice for system in ("60-0383", "DHS/ALL-019")]
    assert [item["office"] for item in items] == [notice.manager_office for notice in notices]
    published = (await desk.get("/v1/routine-uses")).json()["notice"]
    assert (published["manager_office"], published["manager_address"]) == (
        items[0]["office"],
        notices[0].manager_address,
    )


async def test_pages_follow_each_other_in_one_order_whatever_comes_in_meanwhile(auditor: Auditor, desk: Desk) -> None:
    asked = [await desk.asked() for _ in range(3)]
    first = (await auditor.ask("requests/search", {"limit": 2})).json()
    asked.append(await desk.asked())
    rest = (await auditor.ask("requests/search", {"limit": 2, "cursor": first["next_cursor"]})).json()
    last = (await auditor.ask("requests/search", {"limit": 2, "cursor": rest["next_cursor"]})).json()
    assert [UUID(i["id"]) for page in (first, rest, last) for i in page["items"]] == asked
    assert last["next_cursor"] is None


async def test_a_search_names_its_keys_and_keeps_persons_terms_as_digests(auditor: Auditor, desk: Desk) -> None:
    await desk.decide(await desk.asked(), release=True)
    asked = {"account_id": "account-77", "recipient_name": RECIPIENT["recipient_name"], "basis": "routine-use-7"}
    await auditor.ask("accountings/search", asked)
    entry = await auditor.last_entry()
    assert (entry["action"], entry["purpose"]) == ("auditing.search", "audit")
    assert entry["fields"] == ["register.accountings", "key.account_id", "key.basis", "key.recipient_name"]
    key = DisclosureSettings(profile="embedded").term_key()
    assert entry["terms"] == [audit.term(key, name, asked[name]) for name in ("account_id", "recipient_name")]
    kept = str([dict(row) for row in await desk.store.fetch("SELECT * FROM audit_entry")]).lower()
    assert "quentin" not in kept
    assert "account-77" not in kept


async def test_what_is_no_key_of_a_register_is_refused_by_name(auditor: Auditor) -> None:
    for register, asked, field in (
        ("accountings", {"kind": "access"}, "kind"),
        ("decisions", {"state": "received"}, "state"),
        ("individual-requests", {"recipient_name": "x"}, "recipient_name"),
        ("requests", {"day_from": "2026-03-02", "day_to": "2026-03-01"}, "day_to"),
    ):
        refused = await auditor.ask(f"{register}/search", asked)
        assert refused.status_code == 422
        assert [e["field"] for e in refused.json()["errors"]] == [field]
        assert (await auditor.last_entry())["outcome"] == "refused"


async def exported(auditor: Auditor, register: str, form: str = "json", **asked: Any) -> bytes:
    answer = await auditor.ask(f"{register}/export?format={form}", asked)
    assert answer.status_code == 200, answer.text
    return answer.content


async def checked(file: Path, content: bytes) -> tuple[int, str]:
    """What the program says that an auditor has, and that knows nothing of the platform."""
    await asyncio.to_thread(file.write_bytes, content)
    program = [sys.executable, "-I", str(CHECKER), str(file)]
    said = await asyncio.to_thread(subprocess.run, program, check=False, capture_output=True, text=True)
    return said.returncode, said.stdout


async def test_each_row_that_is_taken_away_is_proven_without_the_platform(
    auditor: Auditor, desk: Desk, counter: Counter, tmp_path: Path
) -> None:
    await past(desk, counter)
    await auditor.sign()
    file = tmp_path / "export.json"
    for register, said in (
        ("requests", "holds: 3 rows, 0 proven in content, 3 as acts"), ("decisions", "holds: 3 rows, 3 proven in content"),
        ("accountings", "holds: 1 rows, 1 proven in content"), ("individual-requests", "holds: 1 rows, 0 proven in content, 1 as"),
    ):  # fmt: skip
        content = await exported(auditor, register)
        code, text = await checked(file, content)
        assert (code, text[: len(said)]) == (0, said)
        for other in tampered(json.loads(content)):
            code, text = await checked(file, json.dumps(other).encode())
            assert code == 1, (register, text)
    assert json.loads(content)["statement"] is not None


def tampered(export: dict[str, Any]) -> list[dict[str, Any]]:
    """The export with something in it that was not so: another content, another path, another row's proof, another tree."""
    row = export["rows"][0]
    proof = row["proof"]
    content = [{"row": row["row"] | {"basis": "b7"}}, {"row": row["row"] | {"salt": str(uuid4())}}]
    others = [
        {
            "proof": proof
            | {
                "leaf_input": proof["leaf_input"]
                .replace("officer", "orderly")
                .replace("analyst", "nobody")
                .replace("account-", "a")
            }
        },
        {"proof": proof | {"leaf_index": proof["leaf_index"] + 1}},
        {"proof": proof | {"tree_size": proof["tree_size"] + 1}},
        {"proof": None},
        {"row": row["row"] | {"id": str(uuid4())}},
        *(content if row["covers"] == "content" else []),
    ]
    return [export | {"rows": [row | other]} for other in others] + [export | {"root_hash": "A" * 43 + "="}]


async def test_a_row_that_was_changed_in_the_store_is_told(
    auditor: Auditor, desk: Desk, settings: DisclosureSettings, tmp_path: Path
) -> None:
    await desk.decide(await desk.asked())
    await auditor.sign()
    url = settings.database_url.get_secret_value()
    await execute_as_owner(
        url, "ALTER TABLE decision DISABLE TRIGGER USER", "UPDATE decision SET decided_by = 'somebody-else'"
    )
    content = await exported(auditor, "decisions")
    (row,) = json.loads(content)["rows"]
    assert (row["covers"], row["proof"]) == ("nothing", None)
    code, text = await checked(tmp_path / "export.json", content)
    assert code == 1
    assert f"does NOT hold: {row['row']['id']}" in text


async def test_what_the_tree_does_not_hold_yet_is_taken_away_unproven_and_says_so(
    auditor: Auditor, desk: Desk, tmp_path: Path
) -> None:
    await desk.asked()
    await auditor.sign()
    await desk.asked()
    export = json.loads(await exported(auditor, "requests"))
    assert [row["covers"] for row in export["rows"]] == ["act", "nothing"]
    code, text = await checked(tmp_path / "export.json", json.dumps(export).encode())
    assert (code, "1 not" in text) == (0, True)


async def test_the_same_rows_against_the_same_tree_are_the_same_bytes(
    auditor: Auditor, desk: Desk, counter: Counter
) -> None:
    await past(desk, counter)
    await auditor.sign()
    for form in ("json", "csv", "pdf"):
        one = await exported(auditor, "decisions", form)
        desk.clock.turn(hours=5)
        assert await exported(auditor, "decisions", form) == one


async def test_a_table_starts_no_formula_and_says_of_each_row_what_is_proven(auditor: Auditor, desk: Desk) -> None:
    request = await desk.asked()
    evil = {"recipient_name": '=HYPERLINK("http://x","y")', "recipient_address": " @SUM(1+1)*cmd|' /C calc'!A0"}
    body = {"facts": {}, "release": evil | {"layer": "redacted"}}
    headers = desk.headers("privacy_officer", OFFICER, str(uuid4()))
    assert (await desk.client.post(f"/v1/requests/{request}/decision", json=body, headers=headers)).status_code == 201
    await auditor.sign()
    text = (await exported(auditor, "accountings", "csv")).decode()
    assert text.startswith('"id","decision_id"')
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["recipient_name"] == "'" + evil["recipient_name"]
    assert row["recipient_address"] == "'" + evil["recipient_address"].strip()
    assert row["proven"] == "content"
    entry = [e for e in await desk.audited() if e["action"] == "disclosure.decide"][-1]
    assert row["commitment"] in entry["fields"]


async def test_a_page_of_paper_has_the_rows_and_can_be_read(auditor: Auditor, desk: Desk) -> None:
    await desk.decide(await desk.asked(), release=True)
    await auditor.sign()
    content = await exported(auditor, "accountings", "pdf", basis="routine-use-7")
    assert content.startswith(b"%PDF-1.4")
    begins = int(content[content.rindex(b"startxref") :].split()[1])
    assert content[begins : begins + 4] == b"xref"
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", content), 1):
        assert content[int(place) :].startswith(b"%d 0 obj" % number)
    for said in (b"Asked by basis: routine-use-7", b"Quentin Recipient", b"proven: content", b"sha256:"):
        assert said in content


async def test_what_is_taken_away_is_counted_bounded_and_goes_to_a_managed_place_only(
    auditor: Auditor, desk: Desk
) -> None:
    ids = [await desk.asked() for _ in range(2)]
    await exported(auditor, "requests", "csv")
    entry = await auditor.last_entry()
    assert (entry["action"], entry["fields"]) == ("auditing.export", ["register.requests", "format.csv"])
    assert [UUID(one) for one in entry["record_ids"]] == ids
    refused = await auditor.ask("requests/export", **{"Export-Destination": "removable"})
    assert (refused.status_code, refused.json()["missing"]) == (403, ["header.Export-Destination"])
    entries = [{"position": n} for n in range(250)]
    await desk.store.executemany(
        "INSERT INTO disclosure_request SELECT gen_random_uuid(), transcript_ids, basis, recipient_kind, purpose, facts, door,"
        " requested_by, requested_at FROM disclosure_request WHERE id = $1",
        [(ids[0],) for _ in entries],
    )
    refused = await auditor.ask("requests/export")
    assert refused.status_code == 429
    assert (await auditor.last_entry())["action"] == "bulk.alert"


async def test_past_decisions_are_put_under_todays_rules_with_the_difference_explained(
    auditor: Auditor, desk: Desk, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    was = await past(desk, counter)
    page = (await auditor.ask("decisions/today", {"officer": OFFICER})).json()
    assert (page["different"], [item["same"] for item in page["items"]]) == (0, [True, True])
    later, whole = stricter(), rulebook.current
    monkeypatch.setattr(
        rulebook, "current", lambda system=rulebook.SYSTEM: later if system == rulebook.SYSTEM else whole(system)
    )
    page = (await auditor.ask("decisions/today", {"limit": 2})).json()
    rest = (await auditor.ask("decisions/today", {"limit": 2, "cursor": page["next_cursor"]})).json()
    assert (page["different"], rest["different"], rest["next_cursor"]) == (1, 1, None)
    first = page["items"][0]
    assert UUID(first["decision_id"]) == was.decisions[0]
    assert (first["outcome_then"], first["outcome_now"], first["missing_now"]) == (
        "allow",
        "undecided",
        ["archives.inspector"],
    )
    (change,) = first["changes"]
    assert (change["fact"], change["then"], change["now"]) == ("archives.inspector", "not-asked", "not-shown")
    assert "archives.inspector was not-asked and is not-shown" in first["because"]
    assert first["rule_version_now"] == later.version
    assert page["items"][1]["same"] is True


async def test_an_agreement_that_ran_out_passes_as_of_then_and_not_today(auditor: Auditor, desk: Desk) -> None:
    decided = (await desk.decide(await desk.asked(base("routine-use-4")))).json()
    assert decided["outcome"] == "allow"
    desk.clock.turn(days=3000)
    now = (await auditor.ask("decisions/today")).json()["items"][0]
    then = (await auditor.ask("decisions/today", {"as_of_then": True})).json()["items"][0]
    assert (now["same"], now["outcome_now"], then["same"], then["changes"]) == (False, "deny", True, [])
    assert [c["then"] for c in now["changes"]] == ["yes"]


async def test_a_basis_that_the_rules_of_today_do_not_know_is_told(
    auditor: Auditor, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.decide(await desk.asked())
    document = json.loads(rulebook.current().document)
    document |= {"version": "2031", "routine_uses": [u for u in document["routine_uses"] if u["id"] != "routine-use-7"]}
    later = rulebook.rules_from(json.dumps(document))
    monkeypatch.setattr(rulebook, "current", lambda system=rulebook.SYSTEM: later)
    (item,) = (await auditor.ask("decisions/today")).json()["items"]
    assert (item["outcome_now"], item["same"], item["because"]) == (None, False, "today's rules do not know this basis")
