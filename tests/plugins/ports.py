"""Rows of ports that nobody listens on."""

import os

from muniment.processes import LOOPBACK, port_is_free

FIRST, LAST, ROW = 18_001, 58_000, 40
APART = 10_000
"""So far apart lie the ports of two processes that share a test run: each may look at the same moment."""


def free_block(size: int = 30) -> int:
    """The first of so many ports in a row of which none is taken now.

    Raises:
        AssertionError: there is no such row.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    begin = FIRST + worker * APART % (LAST - FIRST)
    for first in range(begin, begin + APART - ROW, ROW):
        if all(port_is_free(first + n) for n in range(size)):
            return first
    raise AssertionError(f"no free ports on {LOOPBACK}")
