"""`make up` and `make down` as an operator meets them: the whole platform, on this machine, on the embedded engines."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from muniment import daemon
from muniment.home import SERVICES, Home, passwords, read_json
from muniment.platform import display
from tests.local.machine import muniment
from tests.plugins.engines import temporary_home
from tests.plugins.ports import free_block

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
MOST_MEMORY_MIB = 900


@pytest.fixture(scope="module")
def base() -> int:
    return free_block()


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    home = temporary_home("platform")
    yield home
    daemon.stop(home)
    shutil.rmtree(home.path, ignore_errors=True)


@pytest.fixture(scope="module")
def first_start(home: Home, base: int) -> "subprocess.CompletedProcess[str]":
    done = muniment(home, "up", MUNIMENT_BASE_PORT=str(base))
    assert done.returncode == 0, done.stderr + home.log.read_text()[-4000:]
    return done


def report(home: Home) -> dict[str, Any]:
    found = daemon.status(home)
    assert found is not None
    return found


def process(home: Home, name: str) -> dict[str, Any]:
    return next(one for one in report(home)["processes"] if one["name"] == name)


def until_ready(home: Home, noticed: Callable[[], bool]) -> None:
    """Wait until the supervisor has noticed what happened, and everything is there again."""
    deadline = time.monotonic() + 120
    while not noticed() or any(one["state"] != "ready" for one in report(home)["processes"]):
        assert time.monotonic() < deadline, report(home)
        time.sleep(0.1)


async def test_all_ten_processes_are_ready_when_it_returns(
    first_start: "subprocess.CompletedProcess[str]", home: Home, base: int
) -> None:
    async with httpx.AsyncClient() as client:
        for port in (*range(base, base + 5), *range(base + 10, base + 15)):
            assert (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    names = {one["name"] for one in report(home)["processes"]}
    assert names == {"postgres"} | {f"{display(name)}-{part}" for name in SERVICES for part in ("api", "worker")}


def test_it_prints_addresses_tokens_and_what_to_try(
    first_start: "subprocess.CompletedProcess[str]", home: Home, base: int
) -> None:
    said = first_start.stdout
    for number, service in enumerate(SERVICES):
        assert f"{display(service)} " in said
        assert f"http://127.0.0.1:{base + number}" in said
    file = home.tokens / "records_officer.jwt"
    assert f"records_officer   {file}" in said
    assert file.read_text().strip() not in said, "a terminal's history is no place for a token"
    assert "for development only" in said
    assert "make demo" in said


async def test_its_tokens_open_the_services(
    first_start: "subprocess.CompletedProcess[str]", home: Home, base: int
) -> None:
    token = (home.tokens / "records_officer.jwt").read_text().strip()
    address = f"http://127.0.0.1:{base + SERVICES.index('retention')}/v1/records"
    async with httpx.AsyncClient() as client:
        assert (await client.get(address)).status_code == 401
        assert (await client.get(address, headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def test_the_audit_trails_hold_until_somebody_with_every_right_changes_an_entry(
    first_start: "subprocess.CompletedProcess[str]", home: Home, base: int
) -> None:
    """Retention's trail, whose heads disclosure holds; the look of the test before is in it, and one more now."""
    token = (home.tokens / "records_officer.jwt").read_text().strip()
    address = f"http://127.0.0.1:{base + SERVICES.index('retention')}/v1/records"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:
        assert (await client.get(address)).status_code == 200
    deadline = time.monotonic() + 180
    while " 0 heads of its own and 0 of witnesses" in (
        said := muniment(home, "audit", "verify", "retention").stdout
    ) or (" and 0 of witnesses" in said):
        assert time.monotonic() < deadline, said
        await asyncio.sleep(0.5)
    held = muniment(home, "audit", "verify")
    assert (held.returncode, held.stdout.count("holds")) == (0, 5), held.stdout + held.stderr

    url = f"postgresql://admin:{passwords(home)['admin']}@127.0.0.1:{{}}/retention"
    connection = await asyncpg.connect(url.format(read_json(home.choices)["ports"]["postgres"]))
    await connection.execute("SET session_replication_role = 'replica'")
    changed = await connection.fetchval("UPDATE audit_entry SET user_id = 'nobody' RETURNING id")
    await connection.close()

    found = muniment(home, "audit", "verify", "retention")
    assert found.returncode == 1
    assert f"changed: entry {changed}" in found.stdout
    assert muniment(home, "audit", "verify", "transcripts").returncode == 0


def test_everything_listens_on_loopback_only(
    first_start: "subprocess.CompletedProcess[str]", home: Home, base: int
) -> None:
    ours = {f"{port:04X}" for port in (*range(base, base + 5), *range(base + 10, base + 15))}
    ours |= {f"{port:04X}" for port in read_json(home.choices)["ports"].values()}
    listening = [
        line.split()[1].split(":")
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    addresses = {address for address, port in listening if port in ours}
    assert addresses == {"0100007F"}


def test_idle_it_takes_less_memory_than_promised(first_start: "subprocess.CompletedProcess[str]", home: Home) -> None:
    said = muniment(home, "status").stdout
    together = next(line for line in said.splitlines() if line.strip().startswith("together"))
    assert int(together.split()[1]) < MOST_MEMORY_MIB, said


def test_a_second_start_says_that_it_is_up(
    first_start: "subprocess.CompletedProcess[str]", home: Home, base: int
) -> None:
    before = report(home)["pid"]
    done = muniment(home, "up", MUNIMENT_BASE_PORT=str(base))
    assert done.returncode == 0
    assert "is up already" in done.stdout
    assert report(home)["pid"] == before


def test_the_demonstration_goes_from_the_conversation_to_what_leaves_and_why_nothing_is_destroyed(
    first_start: "subprocess.CompletedProcess[str]", home: Home
) -> None:
    done = muniment(home, "demo")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    for wanted in (
        "Recomputed just now: it holds, and it is the gateway's closing digest.",
        "An action that carries a social security number is refused",
        "Decision: UNDECIDED; missing: accuracy.reviewed",
        "With that shown: ALLOW",
        "Accounted in the same transaction",
        "is refused: A reviewer has to look at it first.",
        "Reviewed, and released once.",
        "The same grant once more is refused: A release grant works once.",
        "it answers 409",
    ):
        assert wanted in said, wanted
    if "a conversation of the project's own" in said:
        assert "date-of-birth" in said
        assert "I was born on [withheld]." in said


def test_a_killed_service_and_a_killed_server_come_back(
    first_start: "subprocess.CompletedProcess[str]", home: Home
) -> None:
    for name in ("production-worker", "postgres"):
        victim = process(home, name)
        os.kill(victim["pid"], signal.SIGKILL)
        until_ready(home, lambda name=name: process(home, name)["restarts"] > 0)  # type: ignore[misc]
        assert process(home, name)["pid"] != victim["pid"]


async def test_the_data_stay_from_start_to_start(
    first_start: "subprocess.CompletedProcess[str]", home: Home, base: int
) -> None:
    url = f"postgresql://retention_owner:{passwords(home)['retention_owner']}@127.0.0.1:{{}}/retention"
    connection = await asyncpg.connect(url.format(read_json(home.choices)["ports"]["postgres"]))
    await connection.execute("CREATE TABLE kept AS SELECT 41 + 1 AS answer")
    await connection.close()

    assert muniment(home, "down").stdout.startswith("Muniment is down")
    assert daemon.status(home) is None
    assert muniment(home, "up", MUNIMENT_BASE_PORT=str(base)).returncode == 0

    connection = await asyncpg.connect(url.format(read_json(home.choices)["ports"]["postgres"]))
    assert await connection.fetchval("SELECT answer FROM kept") == 42
    await connection.execute("DROP TABLE kept")
    await connection.close()


def test_nobody_but_the_owner_can_read_what_is_secret(
    first_start: "subprocess.CompletedProcess[str]", home: Home
) -> None:
    secret = set(passwords(home).values())
    readable = [
        path
        for path in home.path.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077 and not path.is_relative_to(home.engines)
        if any(word.encode() in path.read_bytes() for word in secret)
    ]
    assert readable == []
    for one in report(home)["processes"]:
        command = Path(f"/proc/{one['pid']}/cmdline").read_bytes().decode()
        assert not any(word in command for word in secret)


def test_nothing_is_left_when_the_supervisor_is_killed(
    first_start: "subprocess.CompletedProcess[str]", home: Home
) -> None:
    found = report(home)
    pids = [found["pid"], found["nursery"], *(one["pid"] for one in found["processes"])]
    os.kill(found["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 40
    while any(daemon.alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert daemon.status(home) is None
