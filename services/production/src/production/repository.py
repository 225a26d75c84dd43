"""All SQL of production. What comes in batches is written as sets."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import aliased
from sqlmodel import col, select

from common.contracts.personal import opened
from common.contracts.production import ActionCompleted
from common.contracts.transcripts import TranscriptClosed
from common.database import ReadSession, WriteSession, fetch_all
from common.ids import new_id
from common.protection.service_keys import ColumnKeys
from production import sealing
from production.model import Assignment, Chat, Day, Employee, Figure, OfficeFigure
from production.tables import AssignmentRow, EmployeeRow

_COLUMNS = """action_id, kind, form_type, hour_type, outcome, started_at, completed_at, session_id, office, region,
    employee_id, receipt"""
_ARRAYS = """$1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::uuid[],
    $9::text[], $10::text[], $11::uuid[], $12::text[]"""
_ADD_ACTIONS = f"""
WITH added AS (
    INSERT INTO action ({_COLUMNS}, requestor, requestor_number, source)
    SELECT * FROM unnest({_ARRAYS}, $13::bytea[], $14::bytea[], $15::text[]) AS t (action_id) ORDER BY action_id
    ON CONFLICT (action_id) DO NOTHING RETURNING 1
)
SELECT count(*) AS n FROM added
"""
# The case is compared by the service: the same number may stand under another version of the key.
_TAKEN_ACTIONS = f"""
SELECT t.n, a.receipt, a.requestor,
    (a.kind, a.form_type, a.hour_type, a.outcome, a.started_at, a.completed_at, a.session_id, a.office, a.region, a.employee_id)
    IS DISTINCT FROM
    (t.kind, t.form_type, t.hour_type, t.outcome, t.started_at, t.completed_at, t.session_id, t.office, t.region, t.employee_id)
    AS other
FROM unnest({_ARRAYS}) WITH ORDINALITY AS t ({_COLUMNS}, n) JOIN action AS a USING (action_id)
"""
_KNOWN = "SELECT id, who FROM employee WHERE who = ANY($1::bytea[])"
_TURN = "SELECT pg_advisory_xact_lock(6120770342)"
_MEET = """
INSERT INTO employee (id, who, pin) SELECT t.id, t.who, t.pin FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS t (id, who, pin)
"""
_TRANSCRIPTS = """
unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::int[])
    AS t (transcript_id, session_id, opened_at, closed_at, message_count)
"""
_ADD_TRANSCRIPTS = f"""
WITH added AS (
    INSERT INTO handled_transcript (transcript_id, session_id, opened_at, closed_at, message_count)
    SELECT * FROM {_TRANSCRIPTS} ORDER BY transcript_id ON CONFLICT DO NOTHING RETURNING 1
)
SELECT count(*) AS n FROM added
"""
_SAME_TRANSCRIPTS = f"""
SELECT count(*) AS n FROM {_TRANSCRIPTS} JOIN handled_transcript AS h USING (transcript_id)
WHERE (h.session_id, h.opened_at, h.closed_at, h.message_count)
    = (t.session_id, t.opened_at, t.closed_at, t.message_count)
"""
_FIGURES = """
SELECT a.employee_id, a.kind, a.form_type, a.hour_type, count(*) AS actions,
       sum(extract(epoch FROM a.completed_at - a.started_at))::float8 AS seconds,
       count(*) FILTER (WHERE a.kind = 'chat_handled') AS chats,
       coalesce(sum(h.message_count), 0) AS messages
FROM action AS a
LEFT JOIN handled_transcript AS h ON h.session_id = a.session_id AND a.kind = 'chat_handled'
WHERE a.employee_id = ANY($1::uuid[]) AND a.completed_at >= $2 AND a.completed_at < $3
GROUP BY a.employee_id, a.kind, a.form_type, a.hour_type
ORDER BY a.employee_id, a.kind, a.form_type, a.hour_type
"""
_OFFICE_FIGURES = """
SELECT a.office, a.kind, a.form_type, a.hour_type, count(*) AS actions,
       sum(extract(epoch FROM a.completed_at - a.started_at))::float8 AS seconds,
       count(*) FILTER (WHERE a.kind = 'chat_handled') AS chats,
       coalesce(sum(h.message_count), 0) AS messages
FROM action AS a
LEFT JOIN handled_transcript AS h ON h.session_id = a.session_id AND a.kind = 'chat_handled'
WHERE a.office = ANY($1::text[]) AND a.completed_at >= $2 AND a.completed_at < $3
GROUP BY a.office, a.kind, a.form_type, a.hour_type
ORDER BY a.office, a.kind, a.form_type, a.hour_type
"""
_CHATS = """
SELECT a.session_id, h.transcript_id, h.opened_at, h.closed_at, h.message_count
FROM action AS a LEFT JOIN handled_transcript AS h ON h.session_id = a.session_id
WHERE a.kind = 'chat_handled' AND a.employee_id = $1 AND a.completed_at >= $2 AND a.completed_at < $3
ORDER BY a.completed_at, a.action_id
"""
_TEAM = """
SELECT e.id, e.pin FROM assignment AS s JOIN employee AS e ON e.id = s.employee_id JOIN employee AS v ON v.id = s.supervisor_id
WHERE s.superseded_at IS NULL AND v.who = ANY($1::bytea[]) AND s.valid_from <= $2 AND (s.valid_to IS NULL OR s.valid_to > $2)
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A row of the chart, and what it says."""

    row: AssignmentRow
    value: Assignment


async def add_actions(
    session: WriteSession, actions: Sequence[ActionCompleted], sources: Sequence[str], keys: ColumnKeys
) -> int:
    """Store those whose id is not taken, with the employees they name. Returns how many were new."""
    staff = await meet_employees(session, {opened(a.pii).employee_pin for a in actions}, keys)
    cases = [sealing.case_number(keys, opened(a.pii).case_number, a.action_id) for a in actions]
    sealed = ([c.requestor for c in cases], [c.sealed for c in cases])
    columns = _columns(actions, staff, [c.receipt for c in cases])
    return int((await fetch_all(session, _ADD_ACTIONS, *columns, *sealed, list(sources)))[0]["n"])


async def other_actions(session: WriteSession, actions: Sequence[ActionCompleted], keys: ColumnKeys) -> int:
    """How many of these stand in the store under the same id with another content."""
    staff = await meet_employees(session, {opened(a.pii).employee_pin for a in actions}, keys)
    numbers = [opened(a.pii).case_number for a in actions]
    rows = await fetch_all(session, _TAKEN_ACTIONS, *_columns(actions, staff, [""] * len(actions)))
    return sum(
        row["other"]
        or not sealing.is_case(keys, numbers[row["n"] - 1], receipt=row["receipt"], requestor=row["requestor"])
        for row in rows
    )


async def meet_employees(session: WriteSession, pins: Collection[str], keys: ColumnKeys) -> dict[str, UUID]:
    """The employees of these PINs; who is not known yet is entered.

    Raises:
        UnsealableError: one of them is no PIN.
    """
    found = await _known(session, pins, keys)
    if any(pin not in found for pin in pins):
        # One at a time: two processes that write with different versions of the key would enter somebody twice.
        await fetch_all(session, _TURN)
        found = await _known(session, pins, keys)
        new = {pin: new_id() for pin in sorted(pins) if pin not in found}
        hashes = [keys.blind(sealing.PIN, pin) for pin in new]
        sealed = [sealing.sealed_pin(keys, pin, employee_id) for pin, employee_id in new.items()]
        await fetch_all(session, _MEET, list(new.values()), hashes, sealed)
        found |= new
    return found


async def _known(session: ReadSession, pins: Collection[str], keys: ColumnKeys) -> dict[str, UUID]:
    whose = {index: pin for pin in pins for index in keys.blinds(sealing.PIN, pin)}
    return {whose[row["who"]]: row["id"] for row in await fetch_all(session, _KNOWN, list(whose))}


async def add_transcripts(session: WriteSession, transcripts: Sequence[TranscriptClosed]) -> bool:
    """Store them. Returns False when one contradicts what is stored (same id or session with another content)."""
    columns = (
        [t.transcript_id for t in transcripts],
        [t.session_id for t in transcripts],
        [t.opened_at for t in transcripts],
        [t.closed_at for t in transcripts],
        [t.message_count for t in transcripts],
    )
    if (await fetch_all(session, _ADD_TRANSCRIPTS, *columns))[0]["n"] == len(transcripts):
        return True
    return bool((await fetch_all(session, _SAME_TRANSCRIPTS, *columns))[0]["n"] == len(transcripts))


async def figures_of(session: ReadSession, employee_ids: Sequence[UUID], day: Day) -> list[Figure]:
    """What these employees completed on that day, summed by kind, form type and hour type."""
    return [Figure(**row) for row in await fetch_all(session, _FIGURES, list(employee_ids), day.begins, day.ends)]


async def figures_of_offices(session: ReadSession, offices: Sequence[str], day: Day) -> list[OfficeFigure]:
    """What was completed in these offices on that day, summed by kind, form type and hour type; of nobody by name."""
    rows = await fetch_all(session, _OFFICE_FIGURES, list(offices), day.begins, day.ends)
    return [OfficeFigure(**row) for row in rows]


async def chats(session: ReadSession, employee_id: UUID, day: Day) -> list[Chat]:
    """The chats that this employee finished on that day, in order."""
    return [Chat(**row) for row in await fetch_all(session, _CHATS, employee_id, day.begins, day.ends)]


async def team_of(session: ReadSession, supervisor_pin: str, day: date, keys: ColumnKeys) -> list[Employee]:
    """Whom this supervisor supervised on that day, by PIN."""
    rows = await fetch_all(session, _TEAM, keys.blinds(sealing.PIN, supervisor_pin), day)
    team = [Employee(row["id"], sealing.opened_pin(keys, row["pin"], row["id"])) for row in rows]
    return sorted(team, key=lambda employee: employee.pin)


async def employee_by_pin(
    session: ReadSession, pin: str, keys: ColumnKeys, *, lock: bool = False
) -> EmployeeRow | None:
    query = select(EmployeeRow).where(col(EmployeeRow.who).in_(keys.blinds(sealing.PIN, pin)))
    found = await session.execute(query.with_for_update() if lock else query)
    return found.scalar_one_or_none()


async def assignments_of(session: ReadSession, pin: str, keys: ColumnKeys) -> list[Held]:
    """Those in force of the employee with this PIN, by date; asked in the same way whether there is one or not."""
    supervisor = aliased(EmployeeRow)
    query = (
        select(AssignmentRow, supervisor)
        .join(EmployeeRow, col(EmployeeRow.id) == AssignmentRow.employee_id)
        .join(supervisor, col(supervisor.id) == AssignmentRow.supervisor_id, isouter=True)
        .where(col(EmployeeRow.who).in_(keys.blinds(sealing.PIN, pin)), col(AssignmentRow.superseded_at).is_(None))
        .order_by(col(AssignmentRow.valid_from))
    )
    return [Held(row, _as_value(row, above, keys)) for row, above in (await session.execute(query)).all()]


def _as_value(row: AssignmentRow, above: EmployeeRow | None, keys: ColumnKeys) -> Assignment:
    pin = sealing.opened_pin(keys, above.pin, above.id) if above else None
    return Assignment(row.office, row.region, pin, row.valid_from, row.valid_to)


async def change_assignments(
    session: WriteSession,
    employee: EmployeeRow,
    *,
    gone: Sequence[AssignmentRow],
    new: Sequence[Assignment],
    by: str,
    editor: EmployeeRow,
    staff: Mapping[str, UUID],
    now: datetime,
) -> list[AssignmentRow]:
    """Supersede some and add others; what was there stays readable. Returns those added.

    Args:
        by, editor: the account and the employee who does it; the database refuses the one whose place it is.
        staff: the employees of the PINs that stand in the new ones.
    """
    for row in gone:
        row.superseded_at, row.superseded_by, row.superseded_by_id = now, by, editor.id
    await session.flush()  # the old ones leave before the new ones come: no two may hold on one day
    added = [
        AssignmentRow(
            id=new_id(), employee_id=employee.id, office=a.office, region=a.region,
            supervisor_id=staff[a.supervisor_pin] if a.supervisor_pin else None,
            valid_from=a.valid_from, valid_to=a.valid_to, recorded_at=now, recorded_by=by, recorded_by_id=editor.id,
        )
        for a in new
    ]  # fmt: skip
    session.add_all(added)
    employee.revision += 1
    await session.flush()
    return added


def _columns(
    actions: Sequence[ActionCompleted], staff: Mapping[str, UUID], receipts: Sequence[str]
) -> tuple[list[object], ...]:
    return (
        [a.action_id for a in actions],
        [a.kind for a in actions],
        [a.form_type for a in actions],
        [a.hour_type for a in actions],
        [a.outcome for a in actions],
        [a.started_at for a in actions],
        [a.completed_at for a in actions],
        [a.session_id for a in actions],
        [a.office for a in actions],
        [a.region for a in actions],
        [staff[opened(a.pii).employee_pin] for a in actions],
        list(receipts),
    )
