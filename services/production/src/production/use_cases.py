"""What production does. Each takes the session of its caller's unit of work and never commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from common import audit
from common.audit import AuditEvent
from common.auth import Principal
from common.contracts.production import ActionCompleted
from common.contracts.transcripts import TranscriptClosed
from common.database import WriteSession
from common.errors import ConflictError, ForbiddenError, InvalidError
from production import repository
from production.errors import StaleEditError, UnconditionalEditError
from production.model import Assignment, Chat, Day, Employee, Figure, Purpose
from production.permissions import WHO_MAY, offices_touched, supervises
from production.policy import wrong_with_action, wrong_with_assignments
from production.publishing import tell_action
from production.tables import AssignmentRow, EmployeeRow

REPORT_FIELDS = ("kind", "form_type", "hour_type", "actions", "minutes", "messages")
NOT_YOURS = "this is not an employee of yours"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, from where."""

    principal: Principal
    terminal: str

    def event(self, action: str, *, purpose: str = "") -> AuditEvent:
        """The audit entry of a look or act as it is asked for; the use case completes it."""
        return AuditEvent(self.principal, self.terminal, action, "refused", purpose=purpose)


@dataclass(frozen=True, slots=True)
class DailyWork:
    """One employee's day."""

    pin: str
    figures: list[Figure]
    chats: list[Chat]


@dataclass(frozen=True, slots=True)
class TeamWork:
    """The day of several; `not_shown` were in the team then and are not now."""

    members: list[tuple[Employee, list[Figure]]]
    not_shown: int


async def record_actions(session: WriteSession, actions: Sequence[ActionCompleted], sources: Sequence[str]) -> int:
    """Store finished actions, whatever door they came by. Returns how many were new.

    Raises:
        ConflictError: an id among them stands for another action already.
    """
    added = await repository.add_actions(session, actions, sources)
    if added < len(actions) and await repository.other_actions(session, actions):
        raise ConflictError("action_id: this id stands for another action already")
    return added


async def record_transcripts(session: WriteSession, transcripts: Sequence[TranscriptClosed]) -> None:
    """Keep of sealed transcripts what reports need: times and the number of messages.

    Raises:
        ConflictError: one contradicts what is stored.
    """
    if not await repository.add_transcripts(session, transcripts):
        raise ConflictError("transcript_id, session_id: another transcript of this id or session is stored already")


async def take_report(session: WriteSession, caller: Caller, action: ActionCompleted, *, now: datetime) -> bool:
    """Take an action that a case system reports by HTTP, and tell it. Returns whether it was new.

    Raises:
        ForbiddenError: the caller is no case system.
        InvalidError: with every field that is wrong.
        ConflictError: its id stands for another action already.
    """
    caller.principal.require(*WHO_MAY["action.record"])
    if wrong := wrong_with_action(action):
        raise InvalidError(
            f"{len(wrong)} field(s) do not meet a rule: {', '.join(w.field for w in wrong)}", errors=wrong
        )
    new = await record_actions(session, [action], [f"case-system:{caller.principal.id}"]) == 1
    if new:
        await tell_action(session, action, now=now)
    fields = sorted(ActionCompleted.model_fields)
    await _record(session, caller, "action.record", now, ids=[str(action.action_id)], fields=fields)
    return new


async def read_own_day(
    session: WriteSession, caller: Caller, *, day: date, zone: tzinfo, purpose: Purpose, now: datetime
) -> DailyWork:
    """The caller's own day (S3 2.1, 3.4). Whose it is stands in the token and nowhere else.

    Raises:
        ForbiddenError: the caller is no employee, or the token names no PIN.
    """
    caller.principal.require(*WHO_MAY["report.own"])
    pin = caller.principal.claim("pin")
    employee = await repository.employee_by_pin(session, pin)
    ids = [str(employee.id)] if employee else []
    await _record(session, caller, "report.own", now, ids=ids, fields=REPORT_FIELDS, purpose=purpose)
    return await _daily_work(session, pin, Day.of(day, zone))


async def read_subordinates_day(
    session: WriteSession, caller: Caller, pin: str, *, day: date, zone: tzinfo, purpose: Purpose, now: datetime
) -> DailyWork:
    """The day of one employee, for their supervisor (S3 2.1, 3.4).

    Raises:
        ForbiddenError: the caller did not supervise this employee then, or does not now; the same for an unknown PIN.
    """
    caller.principal.require(*WHO_MAY["report.named"])
    employee = await repository.employee_by_pin(session, pin)
    chart = [repository.as_value(row) for row in await repository.assignments_of(session, employee)] if employee else []
    mine = supervises(caller.principal.claim("pin"), chart, day=day, today=now.astimezone(zone).date())
    if employee is None or not mine:
        raise ForbiddenError(NOT_YOURS)
    await _record(session, caller, "report.named", now, ids=[str(employee.id)], fields=REPORT_FIELDS, purpose=purpose)
    return await _daily_work(session, pin, Day.of(day, zone))


async def read_team_day(
    session: WriteSession, caller: Caller, *, day: date, zone: tzinfo, purpose: Purpose, now: datetime
) -> TeamWork:
    """The day of the caller's subordinates: those of that day who are so still (see `permissions.supervises`).

    Raises:
        ForbiddenError: the caller is no supervisor, or the token names no PIN.
    """
    caller.principal.require(*WHO_MAY["report.team"])
    pin = caller.principal.claim("pin")
    then = await repository.team_of(session, pin, day)
    still = {e.id for e in await repository.team_of(session, pin, now.astimezone(zone).date())}
    team = [e for e in then if e.id in still]
    figures = await repository.figures_of(session, [e.pin for e in team], Day.of(day, zone))
    ids = [str(e.id) for e in team]
    await _record(session, caller, "report.team", now, ids=ids, fields=REPORT_FIELDS, purpose=purpose)
    members = [(e, [f for f in figures if f.pin == e.pin]) for e in team]
    return TeamWork(members, not_shown=len(then) - len(team))


async def read_assignments(
    session: WriteSession, caller: Caller, pin: str, *, now: datetime
) -> tuple[EmployeeRow, list[Assignment]]:
    """An employee's history in the chart, for the administrator of an office in it.

    Raises:
        ForbiddenError: no office of the caller's; the same for an unknown PIN.
    """
    caller.principal.require(*WHO_MAY["assignments.read"])
    office = caller.principal.claim("office")
    employee = await repository.employee_by_pin(session, pin)
    rows = await repository.assignments_of(session, employee) if employee else []
    if employee is None or all(row.office != office for row in rows):
        raise ForbiddenError("this is not an employee of your office")
    await _record(session, caller, "assignments.read", now, ids=_ids(employee, rows), fields=_CHART_FIELDS)
    return employee, [repository.as_value(row) for row in rows]


async def set_assignments(
    session: WriteSession,
    caller: Caller,
    pin: str,
    wanted: Sequence[Assignment],
    *,
    revision: int | None,
    now: datetime,
) -> tuple[EmployeeRow, list[Assignment]]:
    """Put an employee's history in the chart as it is wanted; rows that change stay readable as superseded.

    Args:
        revision: the one that the caller read, None when they say none.

    Raises:
        ForbiddenError: a row of another office would change, or the caller's own.
        InvalidError: the history contradicts itself.
        StaleEditError, UnconditionalEditError: it was changed meanwhile; the caller does not say what they read.
    """
    caller.principal.require(*WHO_MAY["assignments.set"])
    office = caller.principal.claim("office")
    if caller.principal.claim("pin") == pin:
        raise ForbiddenError("nobody changes their own place in the chart")
    if wrong := wrong_with_assignments(pin, wanted):
        raise InvalidError(
            f"{len(wrong)} field(s) do not meet a rule: {', '.join(w.field for w in wrong)}", errors=wrong
        )
    await repository.meet_employees(session, {pin} | {a.supervisor_pin for a in wanted if a.supervisor_pin})
    employee = await repository.employee_by_pin(session, pin, lock=True)
    if employee is None:
        raise AssertionError("an employee that was just met is there")
    rows = await repository.assignments_of(session, employee)
    before = [repository.as_value(row) for row in rows]
    if offices_touched(before, wanted) - {office}:
        raise ForbiddenError("this would change the chart of another office than yours")
    _check_revision(employee, revision)
    gone = [row for row in rows if repository.as_value(row) not in wanted]
    new = [a for a in wanted if a not in before]
    if gone or new:
        added = await repository.change_assignments(
            session, employee, gone=gone, new=new, by=caller.principal.id, now=now
        )
        await _record(
            session, caller, "assignments.set", now, ids=_ids(employee, [*gone, *added]), fields=_CHART_FIELDS
        )
    return employee, sorted(wanted, key=lambda a: a.valid_from)


_CHART_FIELDS = ("office", "region", "supervisor_pin", "valid_from", "valid_to")


def _check_revision(employee: EmployeeRow, revision: int | None) -> None:
    if revision is None and employee.revision > 0:
        raise UnconditionalEditError(
            "name the version you read in the header If-Match (GET gives it as ETag)", missing=["header.If-Match"]
        )
    if revision is not None and revision != employee.revision:
        raise StaleEditError("somebody changed it since you read it: read it again")


async def _daily_work(session: WriteSession, pin: str, day: Day) -> DailyWork:
    return DailyWork(
        pin,
        await repository.figures_of(session, [pin], day),
        await repository.chats(session, pin, day),
    )


def _ids(employee: EmployeeRow, rows: Sequence[AssignmentRow]) -> list[str]:
    return [str(employee.id), *(str(row.id) for row in rows)]


async def _record(
    session: WriteSession,
    caller: Caller,
    action: str,
    now: datetime,
    *,
    ids: Sequence[str],
    fields: Sequence[str],
    purpose: str = "",
) -> None:
    entry = AuditEvent(caller.principal, caller.terminal, action, "done", ids, fields, purpose)
    await audit.record(session, entry, now=now)
