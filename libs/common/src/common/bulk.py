"""How many people's records one caller may see, or carry away, in a day (S3-100).

Counted from the audit trail itself, in the transaction of the look: what is looked at is recorded, what is recorded is
counted, so no path goes round it. At the soft limit an alert is raised and the work goes on; at the hard limit the look
is refused, with an alert again. Programs are not counted: what they may do is to hand in, thousands a day, and nothing is
shown to them (a test holds the table of permissions to that).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from prometheus_client import Counter

from common.access import Row
from common.audit import AuditEvent, Outcome, record
from common.auth import PROGRAMS
from common.database import WriteSession, fetch_all, fetch_beside
from common.errors import TooManyError
from common.settings import ServiceSettings
from common.telemetry import get_logger
from common.web.rates import EXPORTS

WINDOW = timedelta(days=1)
ALERT = "bulk.alert"
"""The action of the audit entry beside the look that crossed a limit."""

ALERTS = Counter("muniment_bulk_alerts_total", "Callers who crossed a limit of records in a day", ["limit", "level"])
log = get_logger("bulk")

FEW, FAR = 10, 200
"""A look at few records, far below the soft bound, is counted without waiting for the caller's other looks: all that one
caller may have under way at once (a pool of connections in each process, a few records on each) stays within `FAR`.
"""

# The lock is taken by a statement of its own: one that waited for it would count what it saw before.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('muniment bulk ' || $1, 0))"
_COUNT = """
SELECT count(*) FILTER (WHERE before) AS before, count(*) FILTER (WHERE NOT before) AS added
FROM (
    SELECT bool_or(before) AS before
    FROM (
        SELECT unnest(record_ids) AS id, true AS before FROM audit_entry
        WHERE user_id = $1 AND at > $2 AND outcome = 'done' AND action = ANY (string_to_array($3, ' ')) AND id <> $5
        UNION ALL SELECT unnest($4::text[]), false
    ) AS seen
    GROUP BY id
) AS records
"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Distinct records in a sliding day: at `soft` an alert, beyond `hard` a refusal."""

    name: str
    soft: int
    hard: int


class BulkLimitError(TooManyError):
    """More records than one person's work needs."""

    kind, title, retryable = "bulk-limit", "Too many people's records in a day", False

    def __init__(self, bounds: Bounds) -> None:
        super().__init__(
            f"at most {bounds.hard} records may be {_DONE[bounds.name]} by one caller in 24 hours: narrow the request, go on "
            "tomorrow, or have the privacy officer raise the limit for this work",
            limit=bounds.hard,
        )
        self.bounds = bounds
        self.headers = {"Retry-After": "3600"}


_DONE = {"looks": "looked at", "exports": "taken away as files"}


class BulkLimits:
    """Args:
    settings: the four bounds.
    rows: the operations of this service; those that touch other people's records count.
    """

    def __init__(self, settings: ServiceSettings, rows: Sequence[Row]) -> None:
        self._counted = [row.operation for row in rows if row.personal == "others"]
        self._exports = [name for name in self._counted if is_export(name)]
        self._looks = Bounds("looks", settings.bulk_looks_soft, settings.bulk_looks_hard)
        self._exported = Bounds("exports", settings.bulk_exports_soft, settings.bulk_exports_hard)

    async def check(self, session: WriteSession, event: AuditEvent, entry: UUID, *, now: datetime) -> None:
        """Count a look that was just recorded; the entry waits to be written, and goes with the first count.

        Args:
            entry: the id of its entry, which does not count as something seen before.

        Raises:
            BulkLimitError: it would go beyond a hard limit.
        """
        if event.action not in self._counted or not event.record_ids or event.principal.roles <= PROGRAMS:
            return
        if event.action not in self._exports and len(event.record_ids) <= FEW:
            before, added = await _count(session, event, entry, self._counted, now=now)
            if before + added <= self._looks.soft - FAR:
                return
        await fetch_all(session, _LOCK, event.principal.id)
        await self._hold(session, event, entry, (self._looks, self._counted), now=now)
        if event.action in self._exports:
            await self._hold(session, event, entry, (self._exported, self._exports), now=now)

    async def _hold(
        self,
        session: WriteSession,
        event: AuditEvent,
        entry: UUID,
        limit: tuple[Bounds, Sequence[str]],
        *,
        now: datetime,
    ) -> None:
        """Hold the caller to these bounds of these actions; the lock is held by now."""
        bounds, actions = limit
        before, added = await _count(session, event, entry, actions, now=now)
        if added and before + added > bounds.hard:
            raise BulkLimitError(bounds)
        if before < bounds.soft <= before + added:
            await alert(session, event, bounds.name, "soft", now=now)


async def _count(
    session: WriteSession, event: AuditEvent, entry: UUID, actions: Sequence[str], *, now: datetime
) -> tuple[int, int]:
    """How many records the caller saw in the window before this look, and how many it adds."""
    values = (event.principal.id, now - WINDOW, " ".join(actions), list(event.record_ids), entry)
    row = (await fetch_beside(session, _COUNT, *values))[0]
    return row["before"], row["added"]


async def alert(session: WriteSession, event: AuditEvent, limit: str, level: str, *, now: datetime) -> None:
    """Tell those who watch: a metric to alarm on, a line in the log, an entry in the audit trail. No ids but there."""
    ALERTS.labels(limit, level).inc()
    log.warning("bulk.limit_crossed", limit=f"{limit}.{level}", action=event.action)
    outcome: Outcome = "refused" if level == "hard" else "done"
    await record(
        session, replace(event, action=ALERT, record_ids=(), fields=(f"{limit}.{level}",), outcome=outcome), now=now
    )


def is_export(operation: str) -> bool:
    return operation.rpartition(".")[2] in EXPORTS
