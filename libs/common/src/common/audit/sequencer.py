"""Sequencer: gives committed entries their place in the tree, signs the new head, and tells it.

The position of an entry says in which order entries were begun, not committed, so the tree has an order of its own. A trigger puts
each entry into `audit_pending`; whoever holds the lock takes what is there, in batches, and in one transaction adds the
leaves, stores and signs the head, and puts it into the outbox. One sequencer of a service works at a time; the others find
the lock taken and stand by.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from uuid import UUID

from prometheus_client import Counter, Gauge

from common.audit import tree
from common.audit.canonical import SELECTED, entry_leaf
from common.audit.heads import Head, HeadSigner, b64
from common.clock import Clock
from common.contracts.audit import AuditHeadSigned
from common.database import Database, WriteSession, fetch_all
from common.messaging.consumer import is_outage
from common.messaging.outbox import tell
from common.telemetry import get_logger

BATCH = 2000
PAUSE_SECONDS = 1.0
LAG_SECONDS = 60.0
"""An entry that waits longer for the tree makes the worker say that it is not ready."""

_LOCK = 7_351_210

SEQUENCED = Counter("muniment_audit_sequenced_total", "Audit entries that were given their place in the tree")
LAG = Gauge("muniment_audit_pending_oldest_seconds", "Age of the oldest audit entry that no tree head covers")

_ALONE = "SELECT pg_try_advisory_xact_lock($1) AS taken"
_TAKE = f"""
WITH taken AS (
    DELETE FROM audit_pending
    WHERE position IN (SELECT position FROM audit_pending ORDER BY position LIMIT $1) RETURNING position
)
SELECT t.position AS taken, {SELECTED} FROM taken t LEFT JOIN audit_entry e ON e.position = t.position ORDER BY t.position
"""
_ADD_HEAD = "INSERT INTO audit_head (tree_size, root, signed_at, statement) VALUES ($1, $2, $3, $4)"
_AGE = "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(added_at)), 0)::float8 AS age FROM audit_pending"

log = get_logger("audit")


@dataclass
class Sequencer:
    """Works in the service's worker.

    Attributes:
        healthy: whether the last round was completed, here or by the one who holds the lock, and nothing waits too long.
    """

    database: Database
    signer: HeadSigner
    clock: Clock
    batch: int = BATCH
    healthy: bool = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; a database that is out of reach is tried again for ever."""
        pause = PAUSE_SECONDS
        while not stop.is_set():
            try:
                while await self.round() == self.batch:
                    pass
                await self._look_at_lag()
                pause = PAUSE_SECONDS
            except Exception as error:
                if not is_outage(error):
                    raise
                self.healthy = False
                log.warning("audit.sequencer_interrupted", error=type(error).__name__, again_in_seconds=pause)
                pause = min(pause * 2, 5.0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def round(self) -> int:
        """One batch in one transaction. Returns how many entries were taken; 0 also when another sequencer works now."""
        async with self.database.unit_of_work() as session:
            if not (await fetch_all(session, _ALONE, _LOCK))[0]["taken"]:
                return 0
            rows = await fetch_all(session, _TAKE, self.batch)
            entries = [row for row in rows if row["id"] is not None]
            if len(entries) < len(rows):
                log.error("audit.entries_gone_before_the_tree", count=len(rows) - len(entries))
            if entries:
                await self._grow(session, [(row["id"], entry_leaf(dict(row))) for row in entries])
        SEQUENCED.inc(len(entries))
        return len(rows)

    async def _grow(self, session: WriteSession, leaves: list[tuple[UUID, bytes]]) -> None:
        before = await tree.last_head(session)
        previous = int(before["tree_size"]) if before else 0
        size, root, path = await tree.append(session, leaves, proven_from=previous)
        head = Head(self.signer.service, size, root, self.clock.now())
        statement = self.signer.statement(head)
        await fetch_all(session, _ADD_HEAD, size, root, head.signed_at, statement)
        fact = AuditHeadSigned(
            service=head.service,
            tree_size=size,
            root_hash=b64(root),
            signed_at=head.signed_at,
            key_id=self.signer.key_id,
            statement=statement,
            previous_size=previous,
            consistency_path=tuple(map(b64, path)),
        )
        await tell(session, fact, source=f"/muniment/{head.service}", time=head.signed_at)

    async def _look_at_lag(self) -> None:
        async with self.database.reading() as session:
            age = float((await fetch_all(session, _AGE))[0]["age"])
        LAG.set(age)
        self.healthy = age < LAG_SECONDS
