"""A colleague calls for help: supervisors and security of the office hear it at once, everybody else of them after a while.

The way is short on purpose. Whoever is connected here is told before anything is stored; then it is stored, and the other
processes find it there within a second. Neither the event log nor Redis is asked. Nothing of it is an entry of a session.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from prometheus_client import Counter

from chat_gateway.answering_schemas import AlarmCause
from chat_gateway.errors import UnknownAlarmError
from common import audit
from common.audit import AuditEvent
from common.auth import Principal
from common.clock import Clock
from common.database import Database, ReadSession, WriteSession, fetch_all
from common.ids import new_id
from common.messaging.consumer import is_outage
from common.telemetry import get_logger

HELPERS = frozenset({"supervisor", "office_admin"})
"""Supervisors, and those who answer for an office and its security."""

ESCALATED_AFTER = timedelta(seconds=30)
LOOKED_BACK = timedelta(days=1)

_RAISE = """
INSERT INTO duress_alarm (id, at, agent, office, region, session_id, cause) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
"""
_ANSWER = """
INSERT INTO duress_answer (alarm_id, agent, at, answered_by)
SELECT id, agent, $3, $2 FROM duress_alarm WHERE id = $1 AND agent <> $2
ON CONFLICT DO NOTHING
"""
_ALARMS = """
SELECT d.id, d.at, d.agent, d.office, d.region, d.session_id, d.cause, a.answered_by, a.at AS answered_at
FROM duress_alarm d LEFT JOIN duress_answer a ON a.alarm_id = d.id
WHERE d.at > $1 AND ($2::text IS NULL OR d.office = $2)
ORDER BY a.alarm_id IS NOT NULL, d.at DESC LIMIT 200
"""
_ONE = "SELECT agent FROM duress_alarm WHERE id = $1"

RAISED = Counter("muniment_chat_alarms_total", "Calls for help by employees", ["cause"])
log = get_logger("alarms")


@dataclass(frozen=True, slots=True)
class Alarm:
    """Attributes:
    agent: user id of who called.
    """

    id: UUID
    at: datetime
    agent: str
    office: str
    region: str
    session_id: UUID | None
    cause: AlarmCause
    answered_by: str | None = None
    answered_at: datetime | None = None


class Watch(Protocol):
    """A connection that hears alarms."""

    def alarmed(self, alarm: Alarm, state: str, /, *, recorded: bool) -> None: ...


class Waiter:
    """Waits for anything about alarms that concerns an employee."""

    def __init__(self) -> None:
        self.came = asyncio.Event()

    def alarmed(self, _alarm: Alarm, _state: str, /, *, recorded: bool) -> None:
        if recorded:  # before that no list has it; it follows within a moment
            self.came.set()


class AlarmBell:
    """Everything about calls for help in one process."""

    def __init__(self, database: Database, clock: Clock, *, seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._seconds = seconds
        self._watching: dict[Watch, Principal] = {}
        self._told: dict[Watch, dict[UUID, str]] = {}
        self._unstored: list[tuple[Alarm, AuditEvent]] = []
        self._storing = asyncio.Lock()

    def watch(self, connection: Watch, principal: Principal) -> None:
        """This connection is an employee's: a helper hears alarms, anybody else only of their own."""
        self._watching[connection] = principal
        self._told.setdefault(connection, {})

    def forget(self, connection: Watch) -> None:
        self._watching.pop(connection, None)
        self._told.pop(connection, None)

    async def wait(self, principal: Principal, known: str, seconds: float) -> None:
        """Wait for alarms to stand otherwise than `known` says, so long at most. Only helpers hear of others' alarms."""
        waiter = Waiter()
        self.watch(waiter, principal)
        try:
            async with self._database.reading() as session:
                alarms = await recent(session, self._clock.now(), _office_of(principal))
            self._told[waiter] = {alarm.id: _state(alarm, principal, self._clock.now()) or "" for alarm in alarms}
            if state_of(alarms) == known:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(waiter.came.wait(), seconds)
        finally:
            self.forget(waiter)

    async def ring(
        self, principal: Principal, *, terminal: str, purpose: str, session_id: UUID | None, cause: AlarmCause
    ) -> Alarm:
        """Call for help. It never fails for want of an engine: what cannot be stored now is stored later."""
        alarm = Alarm(
            new_id(), self._clock.now(), principal.id, principal.claim("office"), principal.claim("region"), session_id, cause
        )  # fmt: skip
        RAISED.labels(cause).inc()
        log.error("duress.raised", alarm_id=str(alarm.id), cause=cause, office=alarm.office)
        touched = [str(alarm.id)] + ([str(session_id)] if session_id else [])
        event = AuditEvent(
            principal, terminal, "duress.raise", "done", record_ids=touched, fields=("alarm",), purpose=purpose
        )
        self._unstored.append((alarm, event))
        self._tell([alarm], recorded=False)
        try:
            await self.store()
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("duress.not_stored_yet", alarm_id=str(alarm.id), error=type(error).__name__)
        else:
            self._tell([alarm])
        return alarm

    def has_stored(self, alarm: Alarm) -> bool:
        """Whether it stands in the database."""
        return all(waiting.id != alarm.id for waiting, _ in self._unstored)

    async def answer(self, session: WriteSession, alarm_id: UUID, principal: Principal) -> None:
        """Somebody else than who called sees to it; the first one who says so counts."""
        await fetch_all(session, _ANSWER, alarm_id, principal.id, self._clock.now())

    async def run(self) -> None:
        """Store what could not be stored, find what other processes heard, escalate, until cancelled."""
        failing = False
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look()
                failing = False
            except Exception as error:
                if not is_outage(error):
                    raise
                if not failing:
                    log.warning("alarms.database_out_of_reach", error=type(error).__name__)
                failing = True

    async def look(self) -> None:
        await self.store()
        if self._watching:
            async with self._database.reading() as session:
                self._tell(await recent(session, self._clock.now()))

    async def store(self) -> None:
        """Store what was raised here and is not stored yet; one at a time, so that each is recorded once."""
        async with self._storing:
            while self._unstored:
                alarm, event = self._unstored[0]
                async with self._database.unit_of_work() as session:
                    values = (alarm.agent, alarm.office, alarm.region, alarm.session_id, alarm.cause)
                    await fetch_all(session, _RAISE, alarm.id, alarm.at, *values)
                    await audit.record(session, event, now=alarm.at)
                self._unstored.pop(0)

    def _tell(self, alarms: Sequence[Alarm], *, recorded: bool = True) -> None:
        """Each watch hears of each alarm once in each state that it is in."""
        now = self._clock.now()
        for alarm in reversed(alarms):
            for connection, principal in tuple(self._watching.items()):
                state = _state(alarm, principal, now)
                told = self._told[connection]
                known = told.get(alarm.id)
                if state is None or (known is None and state == "answered"):
                    continue
                said = state if recorded else f"{state}, unrecorded"
                if known != said:
                    told[alarm.id] = said
                    connection.alarmed(alarm, state, recorded=recorded)


def _office_of(principal: Principal) -> str | None:
    return None if principal.roles.isdisjoint(HELPERS) else principal.claim("office")


def state_of(alarms: Sequence[Alarm]) -> str:
    """Stands for these alarms and who answered them."""
    told = "".join(f"{alarm.id}{alarm.answered_by}" for alarm in alarms)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _state(alarm: Alarm, principal: Principal, now: datetime) -> str | None:
    """What somebody hears of an alarm; None: nothing."""
    mine = alarm.agent == principal.id
    if not mine and principal.roles.isdisjoint(HELPERS):
        return None
    if alarm.answered_by is not None:
        return "answered"
    if mine or principal.claims.get("office") == alarm.office:
        return "raised"
    return "escalated" if now - alarm.at >= ESCALATED_AFTER else None


async def recent(session: ReadSession, now: datetime, office: str | None = None) -> list[Alarm]:
    """The alarms of the last day, those that nobody answered first; of one office, or of all."""
    rows: Sequence[Any] = await fetch_all(session, _ALARMS, now - LOOKED_BACK, office)
    return [Alarm(**dict(row)) for row in rows]


async def agent_of(session: ReadSession, alarm_id: UUID) -> str:
    """Who called.

    Raises:
        UnknownAlarmError: there is no such alarm.
    """
    rows = await fetch_all(session, _ONE, alarm_id)
    if not rows:
        raise UnknownAlarmError
    return str(rows[0]["agent"])
