"""The command line of the audit trail: `python -m <service> audit verify|heads|held`.

`heads` and `held` print statements, one a line, for an auditor to take away or for `verify --witness` of another service.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from common.audit.heads import HeadKeys
from common.audit.verify import Report, verify
from common.database import Database, fetch_all
from common.settings import ServiceSettings

PAGE = 5000
_OWN = "SELECT tree_size, 0 AS position, statement FROM audit_head WHERE tree_size > $1 ORDER BY tree_size LIMIT $2"
_HELD = """
SELECT tree_size, position, statement FROM audit_witness
WHERE service = $1 AND verdict <> 'unproven' AND (tree_size, position) > ($2, $3) ORDER BY tree_size, position LIMIT $4
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("audit", help="verify the audit trail, or print signed heads")
    actions = parser.add_subparsers(dest="action", required=True)
    check = actions.add_parser(
        "verify", help="recompute everything; exit code 1 when something is not as it was signed"
    )
    check.add_argument(
        "--witness", action="append", default=[], metavar="FILE", help="heads that another service holds"
    )
    actions.add_parser("heads", help="this service's own signed heads, one a line")
    held = actions.add_parser("held", help="the heads that this service holds of another, one a line")
    held.add_argument("service", help="whose heads (package name)")


async def run(service: str, settings: ServiceSettings, options: argparse.Namespace) -> int:
    """Do what was asked for. Returns the exit code.

    Raises:
        HeadKeyError: there is no set of keys to verify with.
        OSError: a file of heads cannot be read.
    """
    database = Database(settings, application=f"{service} audit")
    try:
        if options.action == "verify":
            return await _verify(database, service, settings, options.witness)
        await _print_heads(database, None if options.action == "heads" else options.service)
        return 0
    finally:
        await database.close()


async def _verify(database: Database, service: str, settings: ServiceSettings, files: list[str]) -> int:
    began = time.monotonic()
    with ExitStack() as stack:
        opened: list[Iterable[str]] = [sys.stdin if f == "-" else stack.enter_context(open(f)) for f in files]  # noqa: PTH123, ASYNC230 - read line by line
        keys = HeadKeys.read(settings.audit_keys)
        report = await verify(database, service, keys=keys, witnesses=[_lines(one) for one in opened])
    print(_said(report, time.monotonic() - began))
    return 0 if report.holds else 1


def _said(report: Report, seconds: float) -> str:
    lines = [f"  {finding}" for finding in report.findings]
    if report.found > len(report.findings):
        lines.append(f"  and {report.found - len(report.findings)} more")
    verdict = "holds" if report.holds else f"does NOT hold ({report.found} findings)"
    summary = (
        f"{report.service}: {report.entries} entries against {report.heads} heads of its own and {report.witnessed} "
        f"of witnesses in {seconds:.1f} s ({report.entries / max(seconds, 0.001):.0f} a second), "
        f"{report.waiting} not in the tree yet: {verdict}"
    )
    return "\n".join([summary, *lines])


def _lines(source: Iterable[str]) -> Iterator[str]:
    """The statements among the lines: what else a program printed meanwhile is passed over."""
    return (line.strip() for line in source if line.startswith("ey"))


async def _print_heads(database: Database, held_of: str | None) -> None:
    size, position = 0, 0
    while True:
        async with database.reading() as session:
            if held_of is None:
                rows = await fetch_all(session, _OWN, size, PAGE)
            else:
                rows = await fetch_all(session, _HELD, held_of, size, position, PAGE)
        for row in rows:
            print(row["statement"])
        if len(rows) < PAGE:
            return
        size, position = int(rows[-1]["tree_size"]), int(rows[-1]["position"])
