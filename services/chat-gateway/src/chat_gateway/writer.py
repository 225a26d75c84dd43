"""The one writer of a process: group commit without a timer.

One transaction is in flight; what arrives meanwhile is the next one. A batch numbers its entries from what is known
here; the database refuses those of a session to which another process has added (compare-and-swap), and these are read
anew and tried again. When the outcome of a transaction is not known, its sessions are read anew too: what was stored
is then known by its client id and acknowledged, what was not is stored. So nobody is told of anything that is not
durable, and nothing is stored twice (invariants 1 and 2).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from prometheus_client import Counter, Histogram

from chat_gateway.drafts import Draft
from chat_gateway.errors import ClientIdReusedError, NotStoredYetError
from chat_gateway.journal import Journal, OutOfReachError, RefusedError
from chat_gateway.model import Entry, Receipt
from chat_gateway.sessions import LiveSession, Submission
from common.clock import Clock, rfc3339
from common.errors import MunimentError
from common.telemetry import get_logger, work_span

MOST = 1000
"""Submissions in one transaction."""
AT_ONCE = 16
LONGEST_PAUSE = 2.0

BATCH = Histogram(
    "muniment_chat_batch_entries", "Entries in one transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
STORED = Counter("muniment_chat_entries_total", "Entries stored")
STALE = Counter("muniment_chat_stale_total", "Sessions that another process had added to meanwhile")

log = get_logger("writer")


class _Work:
    """What one batch does to one session."""

    __slots__ = ("answers", "draft", "live")

    def __init__(self, live: LiveSession) -> None:
        self.live = live
        self.draft = Draft(live.state)
        self.answers: list[tuple[Submission, Receipt, Entry | None]] = []


class Writer:
    """Args:
    refuse_after: seconds a submission waits while the database is out of reach before it is refused.
    announce: told of each session that grew here, for other processes.
    """

    def __init__(
        self, journal: Journal, clock: Clock, *, refuse_after: float, announce: Callable[[LiveSession], None]
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._refuse_after = refuse_after
        self._announce = announce
        self._queue: deque[Submission] = deque()
        self._wake = asyncio.Event()
        self._lost: list[LiveSession] = []
        self._contested: set[LiveSession] = set()
        self._recovery: asyncio.Task[None] | None = None
        self._stopping = False

    def submit(self, submission: Submission) -> None:
        """Take a contribution; its reply hears the outcome, once, later."""
        if self._stopping:
            submission.reply.refused(submission, NotStoredYetError())
        elif submission.live.held is not None:
            submission.live.held.append(submission)
        else:
            self._queue.append(submission)
            self._wake.set()

    async def run(self) -> None:
        """Store what is submitted until stopped and empty."""
        while True:
            if not self._queue:
                if self._stopping and self._recovery is None:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            works = self._plan()
            if works:
                await self._commit(works)

    def stop(self) -> None:
        """Take nothing more; `run` ends when what was taken is stored."""
        self._stopping = True
        self._wake.set()

    def _plan(self) -> list[_Work]:
        at = rfc3339(self._clock.now())
        queue, works = self._queue, dict[LiveSession, _Work]()
        for _ in range(min(MOST, len(queue))):
            submission = queue.popleft()
            live = submission.live
            if live.held is not None:
                live.held.append(submission)
                continue
            work = works.get(live)
            if work is None:
                work = works[live] = _Work(live)
            self._place(work, submission, at)
        for work in works.values():
            if not work.draft.entries:
                _answer(work)
        return [work for work in works.values() if work.draft.entries]

    @staticmethod
    def _place(work: _Work, submission: Submission, at: str) -> None:
        entries = work.draft.entries
        before = len(entries)
        try:
            receipt = work.draft.place(submission.contribution, at)
        except MunimentError as error:
            submission.reply.refused(submission, error)
            return
        work.answers.append((submission, receipt, entries[before] if len(entries) > before else None))

    async def _commit(self, works: list[_Work]) -> None:
        for work in works:
            work.live.in_flight = work.answers
        try:
            await self._store(works)
        finally:
            for work in works:
                work.live.in_flight = ()

    async def _store(self, works: list[_Work]) -> None:
        try:
            with work_span("append entries"):
                lost = await self._journal.append([work.draft for work in works])
        except OutOfReachError as error:
            log.warning("writer.outcome_unknown", error=str(error), sessions=len(works))
            self._hold(works)
        except RefusedError as error:
            await self._commit_each(works, error)
        else:
            stale = [work for work in works if work.live.state.id in lost]
            stored = [work for work in works if work.live.state.id not in lost] if stale else works
            for work in stored:
                self._settle(work)
            entries = sum(len(work.draft.entries) for work in stored)
            BATCH.observe(entries)
            STORED.inc(entries)
            if stale:
                STALE.inc(len(stale))
                self._contested.update(work.live for work in stale if work.draft.opened)
                self._hold(stale)

    async def _commit_each(self, works: list[_Work], error: RefusedError) -> None:
        """The database refused the batch: find the session it is about, so that the others do not suffer for it."""
        if len(works) > 1:
            for work in works:
                await self._commit([work])
            return
        if error.passing:
            self._hold(works)
            return
        log.error("writer.refused", error=str(error), session_id=works[0].live.state.key)
        for submission, _, _ in works[0].answers:
            submission.reply.refused(submission, MunimentError("the entry could not be stored; the failure was logged"))

    def _settle(self, work: _Work) -> None:
        live, draft = work.live, work.draft
        live.state.participants.update(draft.participants)
        for submission, receipt, entry in work.answers:
            if entry is not None:
                live.apply(entry, submission.reply)
            submission.reply.accepted(submission, receipt)
        self._announce(live)

    def _hold(self, works: Iterable[_Work]) -> None:
        for work in works:
            work.live.held = [submission for submission, _, _ in work.answers]
            self._lost.append(work.live)
        if self._recovery is None:
            self._recovery = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        """Read the lost sessions anew and put what waits for them back in front."""
        loop = asyncio.get_running_loop()
        began, pause = loop.time(), 0.05
        while self._lost:
            now, self._lost = self._lost[:AT_ONCE], self._lost[AT_ONCE:]
            done = await asyncio.gather(*(live.catch_up(self._journal) for live in now), return_exceptions=True)
            for live, failure in zip(now, done, strict=True):
                if failure is None:
                    self._release(live)
                else:
                    self._lost.append(live)
            if any(done):
                log.warning("writer.cannot_read_anew", errors=sorted({type(e).__name__ for e in done if e}))
                if loop.time() - began > self._refuse_after or self._stopping:
                    self._refuse_held()
                if self._stopping:
                    break
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                began, pause = loop.time(), 0.05
        self._recovery = None
        self._wake.set()

    def _release(self, live: LiveSession) -> None:
        held, live.held = live.held or [], None
        if live in self._contested:
            self._contested.discard(live)
            if not live.state.last_seq:
                # The opening was refused and no such session is there: the account opened another one as this.
                for submission in held:
                    submission.reply.refused(submission, ClientIdReusedError())
                return
        self._queue.extendleft(reversed(held))
        self._wake.set()

    def _refuse_held(self) -> None:
        for live in self._lost:
            held, live.held = live.held or [], []
            for submission in held:
                submission.reply.refused(submission, NotStoredYetError())


def _answer(work: _Work) -> None:
    for submission, receipt, _ in work.answers:
        submission.reply.accepted(submission, receipt)
