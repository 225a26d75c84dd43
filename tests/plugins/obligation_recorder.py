"""Writes down how each test that names an obligation ended. Registered by obligation_trace."""

from pathlib import Path

import pytest

from muniment.trace_record import OUTCOMES, RECORD, Record, Result, fingerprint, read_record, write_record
from tests.plugins.obligation_trace import obligations_of


class Recorder:
    """Gathers the outcomes of one run and adds them to the record when it ends."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.root = config.rootpath
        self.tree = ""
        self.named: dict[str, tuple[str, ...]] = {}
        self.whole_suite = False
        self.reported: dict[str, str] = {}
        self.ended: set[str] = set()
        self.remark = ""

    def pytest_sessionstart(self) -> None:
        self.tree = fingerprint(self.root)

    @pytest.hookimpl(tryfirst=True)  # before -k and -m take tests away: the record must know what was left out
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        self.named = {item.nodeid: numbers for item in items if (numbers := obligations_of(item))}
        # A file that could not be imported counts as a failure by now, and its tests are not among the items.
        self.whole_suite = session.testsfailed == 0 and looks_at_everything(self.config)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid not in self.named:
            return
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
        tests = {name: Result(self.reported[name], self.named[name]) for name in self.ended & self.reported.keys()}
        write_record(path, record.with_run(tests, whole_suite=self.named if self.whole_suite else None))

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
