"""Supervisors' watches come to an end that is recorded once, whoever notices it."""

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from chat_gateway.supervising import register
from chat_gateway.supervising.watching import Watches
from common import audit
from common.ids import new_id
from common.testing import FixedClock


async def test_an_end_that_two_notice_at_once_is_recorded_once(
    clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    async def ends(_session: Any, _watch: Any, _now: Any) -> bool:
        await asyncio.sleep(0)  # a store takes its time
        return True

    async def record(_session: Any, event: Any, **_now: Any) -> None:
        told.append(event.record_ids)

    monkeypatch.setattr(register, "end", ends)
    monkeypatch.setattr(audit, "record", record)
    none = SimpleNamespace()
    database = SimpleNamespace(unit_of_work=nullcontext)
    make: Any = Watches
    more: dict[str, Any] = {"keys": none, "database": database, "clock": clock, "unheard": None}
    watches = make(none, none, **more, shown=False, seconds=60)
    watch = SimpleNamespace(session_id=new_id(), id=new_id(), purpose="training")
    watch.caller = SimpleNamespace(principal=none, terminal="10.0.0.1")
    watches._unrecorded.append(watch)
    await asyncio.gather(watches.record_ends(), watches.record_ends())
    assert told == [[str(watch.session_id), str(watch.id)]]
