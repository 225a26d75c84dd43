"""Writes down how each test that names an obligation ended. Registered by obligation_trace."""

from pathlib import Path
from typing import Any, Protocol

import pytest

from muniment.trace_record import OUTCOMES, RECORD, Record, Result, fingerprint, read_record, write_record
from tests.plugins.obligation_trace import obligations_of

TOLD = "obligations"
"""Under this key a worker of pytest-xdist hands the names of its tests to the process that leads the run."""


class Worker(Protocol):
    """What the leading process knows of a worker that ended."""

    workeroutput: dict[str, Any]


class Teller:
    """In a worker: tells the leading process which obligations the collected tests name. Outcomes it gets anyway."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        output: dict[str, Any] = self.config.workeroutput  # type: ignore[attr-defined]
        output[TOLD] = {item.nodeid: list(numbers) for item in items if (numbers := obligations_of(item))}


class Recorder:
    """Gathers the outcomes of one run and adds them to the record when it ends."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.root = config.rootpath
        self.tree = ""
        self.named: dict[str, tuple[str, ...]] = {}
        self.collected = False
        self.unread_file = False
        self.reported: dict[str, str] = {}
        self.ended: set[str] = set()
        self.remark = ""

    def pytest_sessionstart(self) -> None:
        self.tree = fingerprint(self.root)

    @pytest.hookimpl(tryfirst=True)  # before -k and -m take tests away: the record must know what was left out
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.named = {item.nodeid: numbers for item in items if (numbers := obligations_of(item))}
        self.collected = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Worker) -> None:
        """Every worker collects everything, so that any of them has all the names; one that crashed has none."""
        told = getattr(node, "workeroutput", {}).get(TOLD)
        if told is not None:
            self.named |= {name: tuple(numbers) for name, numbers in told.items()}
            self.collected = True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        # The tests of a file that could not be imported are not among the items.
        self.unread_file = self.unread_file or report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome = outcome_of(report)
        if outcome is not None:
            worst = max(outcome, self.reported.get(report.nodeid, outcome), key=OUTCOMES.index)
            self.reported[report.nodeid] = worst
        if report.when == "teardown":
            self.ended.add(report.nodeid)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            return
        if fingerprint(self.root) != self.tree:
            self.remark = "the files changed while the tests ran: no outcome was recorded for `make trace`"
            return
        path = self.root / RECORD
        record = read_record(path)
        if record is None or record.tree != self.tree:
            record = Record(self.tree)
        known = self.ended & self.reported.keys() & self.named.keys()
        tests = {name: Result(self.reported[name], self.named[name]) for name in known}
        whole_suite = self.collected and not self.unread_file and looks_at_everything(self.config)
        write_record(path, record.with_run(tests, whole_suite=self.named if whole_suite else None))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.remark:
            terminalreporter.write_line(self.remark)


def outcome_of(report: pytest.TestReport) -> str | None:
    """One of `OUTCOMES`, or None for a step that says nothing yet: a set-up or a clean-up that went well."""
    if report.failed:
        return "failed"
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.skipped:
        return "skipped"
    return "passed" if report.when == "call" else None


def looks_at_everything(config: pytest.Config) -> bool:
    """True when this run collects all of `testpaths`, whatever -k and -m then leave out of it."""
    if any(config.getoption(option, None) for option in ("lf", "ignore", "ignore_glob")):
        return False
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        return True
    asked = {Path(config.invocation_params.dir, argument).resolve() for argument in config.args}
    return asked == {(config.rootpath / path).resolve() for path in config.getini("testpaths")}
