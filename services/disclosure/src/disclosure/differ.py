"""`python -m disclosure compare`: hold a changed notice against every past decision, in several processes side by side."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from time import monotonic

import orjson
import uvloop

from common.database import Database
from disclosure import rulebook
from disclosure.settings import DisclosureSettings
from disclosure.use_cases import differing


def main(arguments: Sequence[str]) -> int:
    """Print a line of JSON for each decision that would come out otherwise; the count goes to standard error.

    Returns 0 if every decision stays as it is, 1 if one does not, 2 if the changed notice does not hold together.
    """
    options = _parser().parse_args(arguments)
    try:
        text = rulebook.document(options.policies, rulebook.folder_of(options.system))
        rules = rulebook.rules_from(text)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{options.policies}: {error}\n")
        return 2
    began = monotonic()
    shares = [(n, options.processes) for n in range(options.processes)]
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        tallies = list(pool.map(_share, shares, [text] * len(shares), [options.as_of] * len(shares)))
    total = differing.Tally(*(sum(column) for column in zip(*map(_columns, tallies), strict=True)))
    seconds = monotonic() - began
    sys.stderr.write(
        f"{rules.version}: {total.decisions:,} decisions in {seconds:.1f} s ({total.decisions / max(seconds, 1e-9):,.0f}/s); "
        f"{total.different:,} would come out otherwise, {total.other_notice:,} are another notice's\n"
    )
    return 1 if total.different else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m disclosure compare", description=main.__doc__)
    parser.add_argument("policies", type=Path, help="folder with the changed rules, like src/disclosure/policies")
    parser.add_argument("--system", default=rulebook.SYSTEM, choices=rulebook.SYSTEMS)
    parser.add_argument("--as-of", type=datetime.fromisoformat, help="decide as at this moment (with its offset)")
    parser.add_argument("--processes", type=int, default=2)
    return parser


def _columns(tally: differing.Tally) -> tuple[int, int, int, int]:
    return tally.decisions, tally.same, tally.different, tally.other_notice


def _share(share: tuple[int, int], text: str, as_of: datetime | None) -> differing.Tally:
    return uvloop.run(_compare(share, text, as_of))


async def _compare(share: tuple[int, int], text: str, as_of: datetime | None) -> differing.Tally:
    database = Database(DisclosureSettings(), application="disclosure compare")
    tally = differing.Tally()
    try:
        async for found in differing.differences(database, rulebook.rules_from(text), tally, as_of=as_of, share=share):
            sys.stdout.write(orjson.dumps(found, default=str).decode() + "\n")
            await asyncio.sleep(0)
    finally:
        await database.close()
    return tally
