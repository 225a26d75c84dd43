"""What production does. Each takes the session of its caller's unit of work and never commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from uuid import UUID

from common.access import Look, Reach
from common.contracts.production import ActionCompleted
from common.contracts.transcripts import TranscriptClosed
from common.database import WriteSession
from common.errors import ConflictError, ForbiddenError, InvalidError
from common.protection.keyring import Keyring
from common.protection.service_keys import ColumnKeys
from production import repository
from production.errors import StaleEditError, UnconditionalEditError
from production.model import Assignment, Chat, Day, Employee, Figure, OfficeFigure
from production.offices import HEADQUARTERS, Offices
from production.permissions import offices_touched, reach_over, supervises, was_in
from production.policy import wrong_with_action, wrong_with_assignments
from production.publishing import tell_action
from production.tables import AssignmentRow, EmployeeRow

REPORT_FIELDS = ("kind", "form_type", "hour_type", "actions", "minutes", "messages")
NOT_YOURS = "this is not an employee of yours"
NOT_UNDER_YOU = "this office or region is not yours, nor under you"


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


@dataclass(frozen=True, slots=True)
class OfficesWork:
    """The day of several offices."""

    offices: tuple[str, ...]
    figures: list[OfficeFigure]


async def record_actions(
    session: WriteSession, actions: Sequence[ActionCompleted], sources: Sequence[str], keys: ColumnKeys
) -> int:
    """Store finished actions, whatever door they came by. Returns how many were new.

    Raises:
        ConflictError: an id among them stands for another action already.
    """
    added = await repository.add_actions(session, actions, sources, keys)
    if added < len(actions) and await repository.other_actions(session, actions, keys):
        raise ConflictError("action_id: this id stands for another action already")
    return added


async def record_transcripts(session: WriteSession, transcripts: Sequence[TranscriptClosed]) -> None:
    """Keep of sealed transcripts what reports need: times and the number of messages.

    Raises:
        ConflictError: one contradicts what is stored.
    """
    if not await repository.add_transcripts(session, transcripts):
        raise ConflictError("transcript_id, session_id: another transcript of this id or session is stored already")


async def take_report(look: Look, action: ActionCompleted, keyring: Keyring, keys: ColumnKeys) -> bool:
    """Take an action that a case system reports by HTTP, and tell it. Returns whether it was new.

    Raises:
        InvalidError: with every field that is wrong.
        ConflictError: its id stands for another action already.
    """
    if wrong := wrong_with_action(action):
        raise InvalidError(
            f"{len(wrong)} field(s) do not meet a rule: {', '.join(w.field for w in wrong)}", errors=wrong
        )
    new = await record_actions(look.session, [action], [f"case-system:{look.principal.id}"], keys) == 1
    if new:
        await tell_action(look.session, action, keyring=keyring, now=look.now)
    look.touch(action.action_id, fields=sorted(ActionCompleted.model_fields))
    return new


async def issue_data_keys(look: Look, number: int, keyring: Keyring) -> dict[UUID, bytes]:
    """Keys for a case system that seals for itself, by their ids; which it took is recorded.

    Raises:
        UnavailableError: none can be had for now.
    """
    issued = await keyring.hand_out(number)
    look.touch(*issued, fields=["data_key"])
    return issued


async def read_own_day(look: Look, keys: ColumnKeys, *, day: date, zone: tzinfo) -> DailyWork:
    """The caller's own day (S3 2.1, 3.4). Whose it is stands in the token and nowhere else.

    Raises:
        ForbiddenError: the token names no PIN.
    """
    pin = look.principal.claim("pin")
    employee = await repository.employee_by_pin(look.session, pin, keys)
    look.touch(*([employee.id] if employee else []), fields=REPORT_FIELDS)
    if not look.covers(Reach(own=True)):
        raise ForbiddenError(NOT_YOURS)
    if employee is None:
        return DailyWork(pin, [], [])
    return await _daily_work(look.session, Employee(employee.id, pin), Day.of(day, zone))


async def read_named_day(
    look: Look, pin: str, keys: ColumnKeys, offices: Offices, *, day: date, zone: tzinfo
) -> DailyWork:
    """The day of one employee, for their supervisor, or the administrator of their office or its region (S3 2.1, 3.4).

    Raises:
        ForbiddenError: the employee was not the caller's, or in their office or region, then, or is not now; the same for
            an unknown PIN.
    """
    employee = await repository.employee_by_pin(look.session, pin, keys)
    chart = [held.value for held in await repository.assignments_of(look.session, pin, keys)]
    today = look.now.astimezone(zone).date()
    mine = supervises(look.principal.claim("pin"), chart, day=day, today=today)
    office = was_in(chart, day=day, today=today)
    own, region, _ = _over(look, office, offices, day=day, zone=zone)
    if not look.covers(Reach(subordinate=mine, office=own, region=region)) or employee is None:
        raise ForbiddenError(NOT_YOURS)
    look.touch(employee.id, fields=REPORT_FIELDS)
    return await _daily_work(look.session, Employee(employee.id, pin), Day.of(day, zone))


async def read_office_day(look: Look, office: str, offices: Offices, *, day: date, zone: tzinfo) -> list[OfficeFigure]:
    """The totals of one office's day, of nobody by name (S3 2.1).

    Raises:
        ForbiddenError: the office is not the caller's, nor under them, on that day and now; the same for one that is none.
    """
    own, region, led = _over(look, office, offices, day=day, zone=zone)
    if not look.covers(Reach(office=own, region=region, controlled_office=led)):
        raise ForbiddenError(NOT_UNDER_YOU)
    look.touch(f"office:{office}", fields=REPORT_FIELDS)
    return await repository.figures_of_offices(look.session, [office], Day.of(day, zone))


async def read_region_day(look: Look, region: str, offices: Offices, *, day: date, zone: tzinfo) -> OfficesWork:
    """The totals of the offices that answered to a region on that day, office by office (S3 2.1).

    Raises:
        ForbiddenError: the region is not the caller's; the same for one that is none.
    """
    under = offices.under(region, day)
    mine = look.principal.claim("region") == region != HEADQUARTERS
    if not look.covers(Reach(region=mine)) or not under or region == HEADQUARTERS:
        raise ForbiddenError(NOT_UNDER_YOU)
    look.touch(f"region:{region}", *(f"office:{office}" for office in under), fields=REPORT_FIELDS)
    figures = await repository.figures_of_offices(look.session, under, Day.of(day, zone))
    return OfficesWork(under, figures)


def _over(look: Look, office: str, offices: Offices, *, day: date, zone: tzinfo) -> tuple[bool, bool, bool]:
    return reach_over(
        office, offices, day=day, today=look.now.astimezone(zone).date(),
        own_office=look.principal.claim("office"), own_region=look.principal.claim("region"),
    )  # fmt: skip


async def read_team_day(look: Look, keys: ColumnKeys, *, day: date, zone: tzinfo) -> TeamWork:
    """The day of the caller's subordinates: those of that day who are so still (see `permissions.supervises`).

    Raises:
        ForbiddenError: the token names no PIN, or the caller's role reaches no subordinates.
    """
    if not look.covers(Reach(subordinate=True)):
        raise ForbiddenError(NOT_YOURS)
    pin = look.principal.claim("pin")
    then = await repository.team_of(look.session, pin, day, keys)
    still = {e.id for e in await repository.team_of(look.session, pin, look.now.astimezone(zone).date(), keys)}
    team = [e for e in then if e.id in still]
    figures = await repository.figures_of(look.session, [e.id for e in team], Day.of(day, zone))
    look.touch(*(e.id for e in team), fields=REPORT_FIELDS)
    members = [(e, [f for f in figures if f.employee_id == e.id]) for e in team]
    return TeamWork(members, not_shown=len(then) - len(team))


async def read_assignments(look: Look, pin: str, keys: ColumnKeys) -> tuple[EmployeeRow, list[Assignment]]:
    """An employee's history in the chart, for the administrator of an office in it.

    Raises:
        ForbiddenError: no office of the caller's; the same for an unknown PIN.
    """
    office = look.principal.claim("office")
    employee = await repository.employee_by_pin(look.session, pin, keys)
    chart = await repository.assignments_of(look.session, pin, keys)
    if not look.covers(Reach(office=any(held.row.office == office for held in chart))) or employee is None:
        raise ForbiddenError("this is not an employee of your office")
    look.touch(*_ids(employee, [held.row for held in chart]), fields=_CHART_FIELDS)
    return employee, [held.value for held in chart]


async def set_assignments(
    look: Look, pin: str, wanted: Sequence[Assignment], keys: ColumnKeys, *, revision: int | None
) -> tuple[EmployeeRow, list[Assignment]]:
    """Put an employee's history in the chart as it is wanted; rows that change stay readable as superseded.

    Args:
        revision: the one that the caller read, None when they say none.

    Raises:
        ForbiddenError: a row of another office would change, or the caller's own.
        InvalidError: the history contradicts itself.
        StaleEditError, UnconditionalEditError: it was changed meanwhile; the caller does not say what they read.
    """
    office = look.principal.claim("office")
    own_pin = look.principal.claim("pin")
    if own_pin == pin:
        raise ForbiddenError("nobody changes their own place in the chart")
    if wrong := wrong_with_assignments(pin, wanted):
        raise InvalidError(
            f"{len(wrong)} field(s) do not meet a rule: {', '.join(w.field for w in wrong)}", errors=wrong
        )
    named = {pin, own_pin} | {a.supervisor_pin for a in wanted if a.supervisor_pin}
    staff = await repository.meet_employees(look.session, named, keys)
    employee = await repository.employee_by_pin(look.session, pin, keys, lock=True)
    editor = await repository.employee_by_pin(look.session, own_pin, keys)
    if employee is None or editor is None:
        raise AssertionError("employees that were just met are there")
    chart = await repository.assignments_of(look.session, pin, keys)
    before = [held.value for held in chart]
    if not look.covers(Reach(office=offices_touched(before, wanted) <= {office})):
        raise ForbiddenError("this would change the chart of another office than yours")
    _check_revision(employee, revision)
    gone = [held.row for held in chart if held.value not in wanted]
    new = [a for a in wanted if a not in before]
    added: list[AssignmentRow] = []
    if gone or new:
        added = await repository.change_assignments(
            look.session, employee, gone=gone, new=new, by=look.principal.id, editor=editor, staff=staff, now=look.now
        )
    look.touch(*_ids(employee, [*gone, *added]), fields=_CHART_FIELDS)
    return employee, sorted(wanted, key=lambda a: a.valid_from)


_CHART_FIELDS = ("office", "region", "supervisor_pin", "valid_from", "valid_to")


def _check_revision(employee: EmployeeRow, revision: int | None) -> None:
    if revision is None and employee.revision > 0:
        raise UnconditionalEditError(
            "name the version you read in the header If-Match (GET gives it as ETag)", missing=["header.If-Match"]
        )
    if revision is not None and revision != employee.revision:
        raise StaleEditError("somebody changed it since you read it: read it again")


async def _daily_work(session: WriteSession, employee: Employee, day: Day) -> DailyWork:
    return DailyWork(
        employee.pin,
        await repository.figures_of(session, [employee.id], day),
        await repository.chats(session, employee.id, day),
    )


def _ids(employee: EmployeeRow, rows: Sequence[AssignmentRow]) -> list[str]:
    return [str(employee.id), *(str(row.id) for row in rows)]
