"""Supervisors' watches come to an end that is recorded once, whoever notices it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from chat_gateway.supervising.watching import Watches
from common.ids import new_id


class Slow:
    """A record that takes its time, as a store does."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []

    async def record(self, _action: str, _caller: Any, record_ids: list[str], _purpose: str) -> None:
        await asyncio.sleep(0)
        self.told.append(record_ids)


@pytest.mark.req("S3-065")
async def test_an_end_that_two_notice_at_once_is_recorded_once() -> None:
    gate, none = Slow(), SimpleNamespace()
    make: Any = Watches
    watches = make(none, gate, none, keys=none, database=none, clock=none, shown=False, seconds=60)
    watch = SimpleNamespace(session_id=new_id(), part=SimpleNamespace(participant=SimpleNamespace(id="w-1")))
    watch.caller, watch.purpose = none, "training"
    watches._unrecorded.append(watch)
    await asyncio.gather(watches.record_ends(), watches.record_ends())
    assert gate.told == [[str(watch.session_id), "w-1"]]
