"""The yearly report, and docs/for-auditors.md: each of its commands is typed into a shell, and answers as the page says."""

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.testing import serving
from disclosure.app import make_app
from disclosure.settings import DisclosureSettings
from tests.disclosure.auditor import Auditor, auditor_of, past
from tests.disclosure.desk import Desk
from tests.disclosure.incident_desk import Watch
from tests.disclosure.requests_desk import Counter

ROOT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"```sh\n(.*?)```\n(?:```(json|text)\n(.*?)```)?", re.DOTALL)
VARIES = re.compile(r"[0-9a-f-]{36}|60-0383/.*|\d{4}-\d\d-\d\dT.*")
"""Values that are others in each run: ids, rule versions, moments."""


@pytest.fixture
async def auditor(desk: Desk, settings: DisclosureSettings, tmp_path: Path) -> AsyncIterator[Auditor]:
    async with auditor_of(desk, settings, tmp_path / "keys") as one:
        yield one


def differences(said: Any, got: Any, at: str = "") -> Iterator[str]:
    """Where the answer is not what the page says of it; it may say more."""
    if isinstance(said, dict):
        for name, value in said.items():
            yield from differences(value, got.get(name, "(missing)") if isinstance(got, dict) else got, f"{at}.{name}")
    elif isinstance(said, list) and said:
        yield from differences(said[0], got[0] if got else "(none)", f"{at}[0]")
    elif said != got and not (isinstance(said, str) and VARIES.fullmatch(said) and VARIES.fullmatch(str(got))):
        yield f"{at}: {got!r} and not {said!r}"


async def test_each_command_of_the_page_for_auditors_does_what_the_page_says(
    auditor: Auditor, desk: Desk, counter: Counter, settings: DisclosureSettings, tmp_path: Path
) -> None:
    was = await past(desk, counter)
    await auditor.sign()
    (tmp_path / "tokens").mkdir()
    token = desk.issuer.headers("auditor")["Authorization"].removeprefix("Bearer ")
    (tmp_path / "tokens/auditor.jwt").write_text(token)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    page = BLOCK.findall((ROOT / "docs/for-auditors.md").read_text())
    assert len(page) >= 8
    async with serving(make_app(settings, desk.clock), settings) as port:
        for commands, form, said in page:
            typed = commands.replace("localhost:8004", f"127.0.0.1:{port}")
            typed = f"set -eu\ndecision={was.decisions[0]}\n{typed}"
            done = await asyncio.to_thread(
                subprocess.run, ["sh", "-c", typed], check=False, capture_output=True, text=True, cwd=tmp_path
            )
            assert done.returncode == 0, (commands, done.stderr)
            if form == "text":
                assert done.stdout.startswith(said.strip()), done.stdout
            elif form == "json":
                answers = re.sub(r"}\s*{", "}\n{", done.stdout.strip()).splitlines()
                assert list(differences(json.loads(said), json.loads(answers[-1]))) == [], commands
    assert (tmp_path / "requests.pdf").read_bytes().startswith(b"%PDF")


async def test_the_report_of_a_year_counts_what_happened_in_it(auditor: Auditor, desk: Desk, counter: Counter) -> None:
    was = await past(desk, counter)
    refused = await counter.refused()
    path = f"/me/individual-requests/{refused['id']}/review"
    await counter.do("POST", path, role="customer", sub="customer-1")
    look = await desk.store.fetchval("SELECT id FROM audit_entry WHERE action = 'disclosure.decide' LIMIT 1")
    watch = Watch(desk.client, desk.issuer, desk.store, desk.clock)
    seen: dict[str, Any] = {"audit_service": "disclosure", "audit_entry": str(look), "certainty": "suspected"}
    await watch.report_it("curious-look", role="auditor", sub="auditor-1", **seen)
    desk.clock.turn(days=60)
    report = (await auditor.report(2026)).json()
    assert (report["first_day"], report["last_day"], report["complete"]) == ("2025-10-01", "2026-09-30", False)
    tables = {s["id"]: {str(next(iter(row.values()))): row for row in s["rows"]} for s in report["sections"]}
    assert (tables["requests"]["access"]["received"], tables["requests"]["access"]["granted"]) == (1, 1)
    assert tables["requests"]["amendment"]["refused"] == 1
    assert tables["days"]["access"]["decided"] == 1
    assert (tables["limits"]["acknowledge"]["kept"], tables["limits"]["review"]["missed"]) == (1, 1)
    assert tables["reviews"]["amendment"]["asked"] == 1
    assert list(tables["long-reviews"]) == [refused["id"]]
    seventh, first = tables["disclosures"]["routine-use-7"], tables["disclosures"]["routine-use-1"]
    assert (seventh["asked"], seventh["allow"], seventh["undecided"], seventh["accounted"], seventh["records"]) == (
        2,
        1,
        1,
        1,
        1,
    )
    assert (first["asked"], first["deny"], first["accounted"]) == (1, 1, 0)
    assert [row["awaited"] for row in tables["recipients"].values()] == [1]
    assert [row["decisions"] for row in tables["rules"].values()] == [3]
    incident = tables["incidents"]["curious-look"]
    assert (incident["incidents"], incident["suspected"], incident["open"], incident["not recovered"]) == (1, 1, 1, 0)
    entry = await auditor.last_entry()
    assert (entry["fields"], entry["record_ids"]) == (["report.fiscal-2026"], [refused["id"]])
    earlier = (await auditor.report(2025)).json()
    assert earlier["complete"] is True
    assert all(value in (0, None) for s in earlier["sections"] for r in s["rows"] for value in list(r.values())[2:])
    assert (await auditor.report(2027, period="calendar")).status_code == 422
    text = (await auditor.report(2026, period="calendar", format="markdown")).text
    assert "# Privacy Act figures of the calendar year 2026" in text
    assert f"| {refused['id']} |" in text
    assert str(was.accounting) not in text
    assert (await auditor.report(2026, format="pdf")).content.startswith(b"%PDF-1.4")
