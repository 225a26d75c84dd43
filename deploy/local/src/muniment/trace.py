"""Which obligations the tests show: reads the record that a test run leaves and reports it.

The tests name obligations with ``@pytest.mark.req``; tests/plugins/obligation_trace.py writes down how each
of those tests ended. This module reads that record, runs the test suite first where there is no record of the
present state of the files, and tells for each service what is shown and what is missing. It needs nothing
beyond the standard library, so that it runs wherever the tests do.
"""

from __future__ import annotations

import argparse
import csv
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from muniment.trace_record import RECORD, REPORT, Record, fingerprint, read_record

REGISTER = Path("docs/obligations.csv")
SUITE = "make --no-print-directory test"
COLUMNS = ("id", "source", "section", "service", "obligation")
# In the order in which a conversation meets them; what all share and how it is deployed come last.
SERVICES = ("chat-gateway", "transcripts", "production", "disclosure", "retention", "common", "deploy")
EXIT_FAILED = 1
EXIT_UNKNOWN_ID = 2


class TraceError(Exception):
    """The trace cannot be told, for the reason given; nothing was written."""


@dataclass(frozen=True)
class Obligation:
    id: str
    source: str
    section: str
    service: str
    text: str


@dataclass(frozen=True)
class Standing:
    """One obligation and the tests that name it, sorted by whether they passed."""

    obligation: Obligation
    passed: tuple[str, ...]
    others: tuple[tuple[str, str], ...]  # outcome and test

    @property
    def shown(self) -> bool:
        """At least one test passed and none failed; skipped and expected failures count for nothing."""
        return bool(self.passed) and all(outcome != "failed" for outcome, _ in self.others)


def read_register(path: Path) -> dict[str, Obligation]:
    """The obligations by id, in the order of the file.

    Raises:
        TraceError: the file is missing, lacks a column, repeats an id or names an unknown service.
    """
    if not path.is_file():
        raise TraceError(f"there is no register of obligations at {path}")
    obligations: dict[str, Obligation] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise TraceError(f"{path} must have the columns {', '.join(COLUMNS)}")
        for row in rows:
            obligation = Obligation(*(row[column] for column in COLUMNS))
            if obligation.id in obligations:
                raise TraceError(f"{path} has {obligation.id} twice")
            if obligation.service not in SERVICES:
                raise TraceError(f"{path}: {obligation.id} names the unknown service {obligation.service!r}")
            obligations[obligation.id] = obligation
    return obligations


def unknown_ids(record: Record, register: Mapping[str, Obligation]) -> list[tuple[str, str]]:
    """Pairs of a test and an id that it names and the register does not hold."""
    return [
        (name, number)
        for name, result in sorted(record.tests.items())
        for number in result.obligations
        if number not in register
    ]


def judge(register: Mapping[str, Obligation], record: Record) -> list[Standing]:
    """What each obligation has for itself; all cases of a parametrized test appear as that one test."""
    passed: dict[str, set[str]] = {}
    others: dict[str, set[tuple[str, str]]] = {}
    for name, result in record.tests.items():
        test = name.partition("[")[0]
        for number in result.obligations:
            if result.outcome == "passed":
                passed.setdefault(number, set()).add(test)
            else:
                others.setdefault(number, set()).add((result.outcome, test))
    return [
        Standing(obligation, tuple(sorted(passed.get(number, ()))), tuple(sorted(others.get(number, ()))))
        for number, obligation in register.items()
    ]


def closing_line(standings: Sequence[Standing]) -> str:
    return f"{sum(standing.shown for standing in standings)} of {len(standings)} obligations shown"


def by_service(standings: Sequence[Standing]) -> Iterator[tuple[str, list[Standing]]]:
    for service in SERVICES:
        if own := [standing for standing in standings if standing.obligation.service == service]:
            yield service, own


def console_lines(standings: Sequence[Standing]) -> Iterator[str]:
    """The report as an operator reads it; the last line is the count."""
    for service, own in by_service(standings):
        yield f"{service}: {sum(standing.shown for standing in own)} of {len(own)} shown"
        for standing in own:
            word = "shown  " if standing.shown else "missing"
            why = "; ".join(f"{outcome}: {test}" for outcome, test in standing.others)
            yield f"  {word}  {standing.obligation.id}  {standing.obligation.text}" + (f" [{why}]" if why else "")
        yield ""
    yield closing_line(standings)


def document(standings: Sequence[Standing]) -> str:
    """docs/traceability.md. It holds no date and no timing: the same outcomes give the same text."""
    lines = [
        "# Traceability",
        "",
        "Written by `make trace`; not edited by hand. An obligation of [obligations.csv](obligations.csv) is",
        "shown when at least one test that names it passed and none failed; skipped tests and expected",
        "failures count for nothing.",
        "",
        f"**{closing_line(standings)}**",
    ]
    for service, own in by_service(standings):
        lines += [
            "",
            f"## {service}",
            "",
            f"{sum(standing.shown for standing in own)} of {len(own)} shown.",
            "",
        ]
        lines += ["| id | obligation | shown by |", "|---|---|---|"]
        for standing in own:
            tests = "<br>".join(f"`{test}`" for test in standing.passed) if standing.shown else "—"
            text = standing.obligation.text.replace("|", "\\|")
            lines.append(f"| {standing.obligation.id} | {text} | {tests} |")
    return "\n".join(lines) + "\n"


def current_record(root: Path, suite: str) -> Record:
    """The record of the present state of the files; the suite is run where there is none.

    A failing suite still leaves a record: its failures are what the trace has to tell.

    Raises:
        TraceError: the suite could not be started, or ended without a word on every test.
    """
    record = read_record(root / RECORD)
    if record is not None and record.complete and record.tree == fingerprint(root):
        return record
    try:
        subprocess.run(shlex.split(suite), cwd=root, check=False)
    except OSError as error:
        raise TraceError(f"the test suite could not be started with {suite!r}: {error}") from error
    record = read_record(root / RECORD)
    if record is None or not record.complete or record.tree != fingerprint(root):
        raise TraceError(f"{suite!r} left no complete record of the present files; what it said stands above")
    return record


def report(root: Path, *, check: bool, suite: str) -> int:
    """Prints the trace and writes docs/traceability.md, or with `check` only compares it.

    Returns:
        The exit status: 0, or 1 where the check finds the document out of date, or 2 for an unknown id.

    Raises:
        TraceError: there is no usable register, or no complete record could be had.
    """
    register = read_register(root / REGISTER)
    record = current_record(root, suite)
    if unknown := unknown_ids(record, register):
        for test, number in unknown:
            print(f"trace: {test} names {number}, which {REGISTER} does not hold", file=sys.stderr)
        return EXIT_UNKNOWN_ID
    standings = judge(register, record)
    written = root / REPORT
    text = document(standings)
    current = written.is_file() and written.read_text(encoding="utf-8") == text
    if not check and not current:
        written.write_text(text, encoding="utf-8")
    sys.stdout.write("\n".join(console_lines(standings)) + "\n")
    sys.stdout.flush()
    if check and not current:
        print(f"trace: {REPORT} is not current; `make trace` writes it anew", file=sys.stderr)
        return EXIT_FAILED
    return 0


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds the register of obligations.

    Raises:
        TraceError: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / REGISTER).is_file():
            return folder
    raise TraceError(f"neither {start} nor a folder above it holds {REGISTER}")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help=f"fail if {REPORT} is not current; write nothing")
    parser.add_argument("--root", type=Path, help="the project's folder (otherwise found from where you are)")
    parser.add_argument("--suite", default=SUITE, metavar="COMMAND", help="runs the tests (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    try:
        root = (arguments.root or find_root(Path.cwd())).resolve()
        return report(root, check=arguments.check, suite=arguments.suite)
    except TraceError as error:
        print(f"trace: {error}", file=sys.stderr)
        return EXIT_FAILED


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds ``muniment trace``; `func` of the parsed arguments takes them and returns the exit status."""
    parser = subparsers.add_parser("trace", help="tell which obligations the tests show")
    _add_options(parser)
    parser.set_defaults(func=run)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="muniment trace", description="Tells which obligations the tests show.")
    _add_options(parser)
    return run(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
