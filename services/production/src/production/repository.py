"""All SQL of production. What comes in batches is written as sets."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import col, select

from common.contracts.personal import opened
from common.contracts.production import ActionCompleted
from common.contracts.transcripts import TranscriptClosed
from common.database import ReadSession, WriteSession, fetch_all
from common.ids import new_id
from production.model import Assignment, Chat, Day, Employee, Figure
from production.tables import AssignmentRow, EmployeeRow

_COLUMNS = """action_id, kind, form_type, hour_type, outcome, started_at, completed_at, session_id, office, region,
    employee_pin, case_number"""
_ARRAYS = """$1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::uuid[],
    $9::text[], $10::text[], $11::text[], $12::text[]"""
_ADD_ACTIONS = f"""
WITH added AS (
    INSERT INTO action ({_COLUMNS}, source)
    SELECT * FROM unnest({_ARRAYS}, $13::text[]) AS t (action_id) ORDER BY action_id
    ON CONFLICT (action_id) DO NOTHING RETURNING 1
)
SELECT count(*) AS n FROM added
"""
_OTHER_ACTIONS = f"""
SELECT count(*) AS n FROM unnest({_ARRAYS}) AS t ({_COLUMNS}) JOIN action AS a USING (action_id)
WHERE (a.kind, a.form_type, a.hour_type, a.outcome, a.started_at, a.completed_at, a.session_id, a.office, a.region,
       a.employee_pin, a.case_number)
   IS DISTINCT FROM
      (t.kind, t.form_type, t.hour_type, t.outcome, t.started_at, t.completed_at, t.session_id, t.office, t.region,
       t.employee_pin, t.case_number)
"""
_MEET = """
INSERT INTO employee (id, pin) SELECT t.id, t.pin FROM unnest($1::uuid[], $2::text[]) AS t (id, pin) ORDER BY t.pin
ON CONFLICT (pin) DO NOTHING
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
SELECT a.employee_pin AS pin, a.kind, a.form_type, a.hour_type, count(*) AS actions,
       sum(extract(epoch FROM a.completed_at - a.started_at))::float8 AS seconds,
       count(*) FILTER (WHERE a.kind = 'chat_handled') AS chats,
       coalesce(sum(h.message_count), 0) AS messages
FROM action AS a
LEFT JOIN handled_transcript AS h ON h.session_id = a.session_id AND a.kind = 'chat_handled'
WHERE a.employee_pin = ANY($1::text[]) AND a.completed_at >= $2 AND a.completed_at < $3
GROUP BY a.employee_pin, a.kind, a.form_type, a.hour_type
ORDER BY a.employee_pin, a.kind, a.form_type, a.hour_type
"""
_CHATS = """
SELECT a.session_id, h.transcript_id, h.opened_at, h.closed_at, h.message_count
FROM action AS a LEFT JOIN handled_transcript AS h ON h.session_id = a.session_id
WHERE a.kind = 'chat_handled' AND a.employee_pin = $1 AND a.completed_at >= $2 AND a.completed_at < $3
ORDER BY a.completed_at, a.action_id
"""
_TEAM = """
SELECT e.id, e.pin FROM assignment AS s JOIN employee AS e ON e.id = s.employee_id
WHERE s.superseded_at IS NULL AND s.supervisor_pin = $1 AND s.valid_from <= $2 AND (s.valid_to IS NULL OR s.valid_to > $2)
ORDER BY e.pin
"""


async def add_actions(session: WriteSession, actions: Sequence[ActionCompleted], sources: Sequence[str]) -> int:
    """Store those whose id is not taken, with the employees they name. Returns how many were new."""
    await meet_employees(session, {opened(a.pii).employee_pin for a in actions})
    return int((await fetch_all(session, _ADD_ACTIONS, *_columns(actions), list(sources)))[0]["n"])


async def other_actions(session: ReadSession, actions: Sequence[ActionCompleted]) -> int:
    """How many of these stand in the store under the same id with another content."""
    return int((await fetch_all(session, _OTHER_ACTIONS, *_columns(actions)))[0]["n"])


async def meet_employees(session: WriteSession, new_pins: set[str]) -> None:
    """Make sure that there is an employee for each PIN."""
    await fetch_all(session, _MEET, [new_id() for _ in new_pins], list(new_pins))


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


async def figures_of(session: ReadSession, pins: Sequence[str], day: Day) -> list[Figure]:
    """What these employees completed on that day, summed by kind, form type and hour type."""
    return [Figure(**row) for row in await fetch_all(session, _FIGURES, list(pins), day.begins, day.ends)]


async def chats(session: ReadSession, pin: str, day: Day) -> list[Chat]:
    """The chats that this employee finished on that day, in order."""
    return [Chat(**row) for row in await fetch_all(session, _CHATS, pin, day.begins, day.ends)]


async def team_of(session: ReadSession, supervisor_pin: str, day: date) -> list[Employee]:
    """Whom this supervisor supervised on that day."""
    return [Employee(**row) for row in await fetch_all(session, _TEAM, supervisor_pin, day)]


async def employee_by_pin(session: ReadSession, pin: str, *, lock: bool = False) -> EmployeeRow | None:
    query = select(EmployeeRow).where(col(EmployeeRow.pin) == pin)
    found = await session.execute(query.with_for_update() if lock else query)
    return found.scalar_one_or_none()


async def assignments_of(session: ReadSession, pin: str) -> list[AssignmentRow]:
    """Those in force of the employee with this PIN, by date; asked in the same way whether there is one or not."""
    query = (
        select(AssignmentRow)
        .join(EmployeeRow, col(EmployeeRow.id) == AssignmentRow.employee_id)
        .where(EmployeeRow.pin == pin, col(AssignmentRow.superseded_at).is_(None))
        .order_by(col(AssignmentRow.valid_from))
    )
    return list((await session.execute(query)).scalars())


def as_value(row: AssignmentRow) -> Assignment:
    return Assignment(row.office, row.region, row.supervisor_pin, row.valid_from, row.valid_to)


async def change_assignments(
    session: WriteSession,
    employee: EmployeeRow,
    *,
    gone: Sequence[AssignmentRow],
    new: Sequence[Assignment],
    by: str,
    editor: EmployeeRow,
    now: datetime,
) -> list[AssignmentRow]:
    """Supersede some and add others; what was there stays readable. Returns those added.

    Args:
        by, editor: the account and the employee who does it; the database refuses the one whose place it is.
    """
    for row in gone:
        row.superseded_at, row.superseded_by, row.superseded_by_id = now, by, editor.id
    await session.flush()  # the old ones leave before the new ones come: no two may hold on one day
    added = [
        AssignmentRow(
            id=new_id(), employee_id=employee.id, office=a.office, region=a.region, supervisor_pin=a.supervisor_pin,
            valid_from=a.valid_from, valid_to=a.valid_to, recorded_at=now, recorded_by=by, recorded_by_id=editor.id,
        )
        for a in new
    ]  # fmt: skip
    session.add_all(added)
    employee.revision += 1
    await session.flush()
    return added


def _columns(actions: Sequence[ActionCompleted]) -> tuple[list[object], ...]:
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
        [opened(a.pii).employee_pin for a in actions],
        [opened(a.pii).case_number for a in actions],
    )
