"""The supervisor with small programs in the place of services: what dies is started again, nothing is left behind."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from muniment import daemon
from muniment.errors import PlainError
from muniment.home import Home
from muniment.plan import Plan, Unit
from muniment.processes import ProcessSpec, Ready, free_port, is_ready

SERVER = """
import http.server, signal, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *a): pass
def stop(*a):
    print("stopped as asked", flush=True); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Page)
print("serving", flush=True)
server.serve_forever()
"""
DEAF = SERVER.replace("signal.signal(signal.SIGTERM, stop)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")


def program(name: str, code: str, *arguments: str, **more: Any) -> ProcessSpec:
    return ProcessSpec(name, (sys.executable, "-c", code, *arguments), **more)


def server(name: str, code: str = SERVER, **more: Any) -> ProcessSpec:
    port = free_port()
    return program(name, code, str(port), ready=Ready("http", port, "/readyz"), **more)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "state")
    home.prepare()
    yield home
    daemon.stop(home)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def process(home: Home, name: str) -> dict[str, Any]:
    report = daemon.status(home)
    assert report is not None
    return next(one for one in report["processes"] if one["name"] == name)


def test_stages_follow_one_another_and_everything_is_ready_at_the_end(home: Home, tmp_path: Path) -> None:
    engine, service = server("engine"), server("service")
    assert engine.ready is not None
    prepare = program(
        "prepare",
        "import sys,socket; socket.create_connection(('127.0.0.1', int(sys.argv[1]))); open(sys.argv[2],'w')",
        str(engine.ready.port),
        str(tmp_path / "prepared"),
    )
    plan = Plan("test", ((Unit("engine", (), (engine,)),), (Unit("service", (prepare,), (service,)),)), {"a": 1})

    report = daemon.start(home, plan)

    assert report["state"] == "ready"
    assert report["facts"] == {"a": 1}
    assert {one["name"]: one["state"] for one in report["processes"]} == {"engine": "ready", "service": "ready"}
    assert (tmp_path / "prepared").exists()
    assert "service             | serving" in home.log.read_text()


def test_what_dies_is_started_again(home: Home) -> None:
    spec = server("service")
    assert spec.ready is not None
    ready = spec.ready
    daemon.start(home, Plan("test", ((Unit("service", (), (spec,)),),), {}))
    first = process(home, "service")["pid"]

    os.kill(first, signal.SIGKILL)

    until(lambda: process(home, "service")["pid"] not in (None, first) and is_ready(ready))
    assert process(home, "service")["restarts"] == 1
    assert "service ended with code -9" in home.log.read_text()


def test_a_start_that_fails_says_why_in_one_sentence_and_leaves_nothing(home: Home) -> None:
    healthy = server("healthy")
    broken = program("broken", "raise SystemExit('error: the settings are wrong')", ready=Ready("http", 1, "/"))
    plan = Plan("test", ((Unit("a", (), (healthy,)), Unit("b", (), (broken,))),), {})

    with pytest.raises(PlainError, match="broken does not start: error: the settings are wrong"):
        daemon.start(home, plan)

    until(lambda: daemon.status(home) is None)
    assert healthy.ready is not None
    assert not is_ready(healthy.ready)


def test_a_task_that_fails_stops_the_start(home: Home) -> None:
    failing = program("migrate", "raise SystemExit('ERROR: no such column')")
    plan = Plan("test", ((Unit("service", (failing,), (server("service"),)),),), {})

    with pytest.raises(PlainError, match="migrate failed: ERROR: no such column"):
        daemon.start(home, plan)


def test_a_program_that_is_not_there_is_named(home: Home) -> None:
    absent = ProcessSpec("absent", ("/no/such/program",))
    with pytest.raises(PlainError, match=r"absent does not start: .*No such file"):
        daemon.start(home, Plan("test", ((Unit("absent", (), (absent,)),),), {}))


def test_stopping_asks_first_and_ends_what_does_not_listen(home: Home) -> None:
    kind, deaf = server("kind"), server("deaf", DEAF, stop_seconds=0.5)
    daemon.start(home, Plan("test", ((Unit("both", (), (kind, deaf)),),), {}))
    pids = [process(home, name)["pid"] for name in ("kind", "deaf")]

    assert daemon.stop(home) is True

    assert not any(daemon.alive(pid) for pid in pids)
    log = home.log.read_text()
    assert "kind                | stopped as asked" in log
    assert "deaf did not end in 0.5 s; killed" in log
    assert daemon.status(home) is None
    assert daemon.stop(home) is False


def test_nothing_outlives_a_supervisor_that_was_killed(home: Home) -> None:
    kind, deaf = server("kind"), server("deaf", DEAF)
    report = daemon.start(home, Plan("test", ((Unit("both", (), (kind, deaf)),),), {}))
    pids = {one["name"]: one["pid"] for one in report["processes"]}

    os.kill(report["pid"], signal.SIGKILL)

    until(lambda: not daemon.alive(pids["kind"]))
    assert daemon.status(home) is None
    daemon.stop(home)  # who does not heed the kernel's signal is found by its mark
    assert not daemon.alive(pids["deaf"])


def test_a_second_start_is_refused_while_one_runs(home: Home) -> None:
    plan = Plan("test", ((Unit("service", (), (server("service"),)),),), {})
    daemon.start(home, plan)
    with pytest.raises(PlainError, match="under way"):
        daemon.start(home, plan)


def forked(name: str, **more: Any) -> ProcessSpec:
    """Python's own web server stands in for a service: a module that is run by name."""
    port = free_port()
    argv = (sys.executable, "-P", "-m", "http.server", str(port), "--bind", "127.0.0.1")
    return ProcessSpec(name, argv, cwd="/proc", ready=Ready("http", port, "/version"), forked=True, **more)


def test_a_service_is_forked_and_started_again_when_it_dies(home: Home) -> None:
    spec = forked("service", env={"MARKED": "yes"})
    report = daemon.start(home, Plan("test", ((Unit("service", (), (spec,)),),), {}))
    first = process(home, "service")["pid"]
    assert b"MARKED=yes" not in Path(f"/proc/{report['nursery']}/environ").read_bytes()
    assert Path(f"/proc/{first}/comm").read_text().strip() == "service"

    os.kill(first, signal.SIGKILL)

    until(lambda: process(home, "service")["pid"] not in (None, first) and process(home, "service")["state"] == "ready")
    log = home.log.read_text()
    assert "service ended with code -9" in log
    assert "Serving HTTP on 127.0.0.1" in log or "GET /version" in log


def test_a_forked_task_that_fails_says_why(home: Home) -> None:
    task = ProcessSpec("task", (sys.executable, "-P", "-m", "no_such_module"), forked=True)
    with pytest.raises(PlainError, match=r"task failed: .*No module named no_such_module"):
        daemon.start(home, Plan("test", ((Unit("task", (task,)),),), {}))


def test_the_services_come_back_when_the_nursery_is_killed(home: Home) -> None:
    spec = forked("service")
    report = daemon.start(home, Plan("test", ((Unit("service", (), (spec,)),),), {}))
    first = process(home, "service")["pid"]

    os.kill(report["nursery"], signal.SIGKILL)

    until(
        lambda: process(home, "service")["pid"] not in (None, first) and process(home, "service")["state"] == "ready",
        60,
    )
    assert not daemon.alive(first)


def test_nothing_forked_outlives_a_supervisor_that_was_killed(home: Home) -> None:
    report = daemon.start(home, Plan("test", ((Unit("service", (), (forked("service"),)),),), {}))
    pids = [report["nursery"], process(home, "service")["pid"]]

    os.kill(report["pid"], signal.SIGKILL)

    until(lambda: not any(daemon.alive(pid) for pid in pids))


def test_passwords_in_the_plan_reach_no_file(home: Home) -> None:
    spec = server("service", env={"SECRET": "s3cret-value"})
    daemon.start(home, Plan("test", ((Unit("service", (), (spec,)),),), {}))
    written = [path for path in home.path.rglob("*") if path.is_file() and b"s3cret-value" in path.read_bytes()]
    assert written == []
