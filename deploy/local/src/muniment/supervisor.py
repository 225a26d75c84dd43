"""Keeps every process of the platform running: one parent, which the others do not outlive.

Started by `muniment up` in a session of its own, with its plan on standard input. It imports the standard library
only: it is there all the time, and small.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

from muniment.child import Child
from muniment.home import write_json
from muniment.launching import DoesNotStartError, NurseryClient
from muniment.logs import LogFile
from muniment.plan import Plan, Unit, load
from muniment.processes import ProcessSpec


class Supervisor:
    """Args:
    plan: what to run.
    log: one file for what all of them write.
    status: the file that tells others what runs (JSON; rewritten whenever something changes).
    """

    def __init__(self, plan: Plan, *, log: Path, status: Path) -> None:
        self._plan = plan
        self._log = LogFile(log)
        self._status = status
        self._state = "starting"
        self._reason = ""
        self._stages: list[list[Child]] = []
        self._stop = asyncio.Event()
        self._report_due = asyncio.Event()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._keepers: set[asyncio.Task[None]] = set()
        self._nursery = NurseryClient(self._log, self._report_due.set)

    async def run(self) -> int:
        """Start everything, keep it running until SIGTERM or SIGINT, stop everything. Returns the exit code."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop.set)
        loop.add_signal_handler(signal.SIGCHLD, self._poll)
        reporting = asyncio.create_task(self._report_changes())
        try:
            await self._until_told_to_stop()
        except DoesNotStartError as error:
            self._reason = str(error)
            self._log.write("supervisor", self._reason)
        self._turn("stopping")
        await self._stop_all()
        reporting.cancel()
        self._turn("failed" if self._reason else "stopped")
        self._write_report()
        return 1 if self._reason else 0

    async def _until_told_to_stop(self) -> None:
        starting = asyncio.create_task(self._start_all())
        stopping = asyncio.create_task(self._stop.wait())
        first: set[asyncio.Future[Any]] = {starting, stopping, self._failed}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if not self._stop.is_set() and not self._failed.done():
                await starting
                self._turn("ready")
                await asyncio.wait(first - {starting}, return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
        finally:
            starting.cancel()
            stopping.cancel()

    async def _start_all(self) -> None:
        work = [self._start_stages()]
        if self._plan.forks:
            work.append(self._nursery.open())  # it loads while the engines start
        await _together(work)

    async def _start_stages(self) -> None:
        for stage in self._plan.stages:
            children: list[Child] = []
            self._stages.append(children)
            await _together(self._start_unit(unit, children) for unit in stage)

    async def _start_unit(self, unit: Unit, children: list[Child]) -> None:
        for spec in unit.before:
            task = self._child(spec)
            children.append(task)
            await task.run_to_end()
            children.remove(task)
        mine = [self._child(spec) for spec in unit.processes]
        children += mine
        for child in mine:
            keeper = asyncio.create_task(child.keep_alive())
            self._keepers.add(keeper)
            keeper.add_done_callback(self._keeper_ended)
        for child in mine:
            await child.until_ready()

    def _keeper_ended(self, keeper: "asyncio.Task[None]") -> None:
        self._keepers.discard(keeper)
        if keeper.cancelled() or self._failed.done():
            return
        error = keeper.exception()
        if error is not None:
            self._failed.set_exception(error)

    def _child(self, spec: ProcessSpec) -> Child:
        return Child(spec, self._log, self._nursery, self._report_due.set)

    def _poll(self) -> None:
        self._nursery.poll()
        for stage in self._stages:
            for child in stage:
                child.poll()

    async def _stop_all(self) -> None:
        for stage in reversed(self._stages):
            await asyncio.gather(*(child.stop() for child in stage))
        await self._nursery.close()
        for keeper in tuple(self._keepers):
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    def _turn(self, state: str) -> None:
        self._state = state
        self._log.write("supervisor", state)
        self._report_due.set()

    async def _report_changes(self) -> None:
        while True:
            await self._report_due.wait()
            self._report_due.clear()
            self._write_report()
            await asyncio.sleep(0.05)  # changes come in bursts

    def _write_report(self) -> None:
        report = {
            "pid": os.getpid(),
            "kind": self._plan.kind,
            "state": self._state,
            "reason": self._reason,
            "facts": self._plan.facts,
            "nursery": self._nursery.pid,
            "processes": [child.report() for stage in self._stages for child in stage],
        }
        with contextlib.suppress(OSError):  # a full disk is no reason to stop
            write_json(self._status, report)


async def _together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of it at once; the first failure ends the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None


async def _supervise(plan: Plan, log: Path, status: Path) -> int:
    return await Supervisor(plan, log=log, status=status).run()


def main(log: Path, status: Path) -> int:
    """Run the plan that comes on standard input."""
    plan = load(sys.stdin.read())
    return asyncio.run(_supervise(plan, log, status))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
