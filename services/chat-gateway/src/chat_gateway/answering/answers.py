"""Answers that are written once, approved by somebody else, and sent by id and version.

A version never changes; a better text is a new version, and whoever sent the old one can be found. What stands here is no
person's: neither author nor approver may put anything of anybody into it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chat_gateway.errors import AnswerNotFitError, AnswerNotInForceError, OwnAnswerError, UnknownAnswerError
from chat_gateway.saying.check import Listener, check
from chat_gateway.saying.wordings import wordings
from common.auth import Principal
from common.database import ReadSession, WriteSession, fetch_all
from common.pii.outbound import Agency

PAGE = 200
APPROVED, ENDED = "approved", "ended"

# Versions of one answer get their numbers one after the other.
_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('muniment answer ' || $1, 0))"
_NEXT = "SELECT coalesce(max(version), 0) + 1 AS version FROM canned_answer WHERE answer = $1"
_ADD = """
INSERT INTO canned_answer (answer, version, language, topic, citation, text, valid_from, valid_until, written_by, written_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_WRITER = "SELECT written_by FROM canned_answer WHERE answer = $1 AND version = $2"
_MARK = """
INSERT INTO canned_answer_mark (answer, version, written_by, mark, on_day, marked_by, marked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (answer, version, mark) DO NOTHING RETURNING mark
"""
_IN_FORCE = """
SELECT DISTINCT ON (c.answer) c.answer, c.version, c.language, c.topic, c.citation, c.text, c.valid_from, c.valid_until
FROM canned_answer c
JOIN canned_answer_mark a ON a.answer = c.answer AND a.version = c.version AND a.mark = 'approved'
LEFT JOIN canned_answer_mark e ON e.answer = c.answer AND e.version = c.version AND e.mark = 'ended'
WHERE a.on_day <= $1 AND c.valid_from <= $1 AND (c.valid_until IS NULL OR c.valid_until >= $1) AND (e.on_day IS NULL OR e.on_day > $1)
  AND ($2::text IS NULL OR c.answer = $2) AND ($3::text IS NULL OR c.topic IS NULL OR c.topic = $3)
  AND ($4::text IS NULL OR c.language = $4)
ORDER BY c.answer, c.version DESC
"""
_USE = """
INSERT INTO answer_use (session_id, entry_id, answer, version, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
_USED = "SELECT answer, version FROM answer_use WHERE session_id = $1 AND entry_id = $2"
# What was recorded and never became an entry was sent to nobody.
_RECIPIENTS = """
SELECT u.position, u.session_id, u.at, e.seq FROM answer_use u
JOIN session_entry e ON e.session_id = u.session_id AND e.entry_id = u.entry_id
WHERE u.answer = $1 AND u.version = $2 AND u.position > $3 ORDER BY u.position LIMIT $4
"""
_SUPERSEDED = """
SELECT least(
    (SELECT min(greatest(m.on_day, c.valid_from)) FROM canned_answer c
     JOIN canned_answer_mark m ON m.answer = c.answer AND m.version = c.version AND m.mark = 'approved'
     WHERE c.answer = $1 AND c.version > $2),
    (SELECT on_day FROM canned_answer_mark WHERE answer = $1 AND version = $2 AND mark = 'ended'),
    (SELECT valid_until + 1 FROM canned_answer WHERE answer = $1 AND version = $2)
) AS since
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One version that may be sent. `topic` None: on any topic."""

    answer: str
    version: int
    language: str
    topic: str | None
    citation: str
    text: str
    valid_from: date
    valid_until: date | None
    for_strangers: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """What is written for a new version."""

    answer: str
    language: str
    topic: str | None
    citation: str
    text: str = field(repr=False)
    valid_from: date
    valid_until: date | None


async def write(session: WriteSession, written: Text, author: Principal, agency: Agency, now: datetime) -> int:
    """Enter the next version of an answer. Nobody can send it before somebody else approves it.

    Raises:
        AnswerNotFitError: it breaks a rule for what may be said to anybody, or bears the name of a fixed wording.
    """
    broken = check(written.text, Listener("unproven"), agency).broken
    if broken or written.answer in wordings().ids():
        raise AnswerNotFitError([b.rule.says for b in broken] or ["This name belongs to a fixed wording."])
    await fetch_all(session, _TURN, written.answer)
    version = (await fetch_all(session, _NEXT, written.answer))[0]["version"]
    await fetch_all(
        session, _ADD, written.answer, version, written.language, written.topic, written.citation, written.text,
        written.valid_from, written.valid_until, author.id, now,
    )  # fmt: skip
    return int(version)


async def mark(  # noqa: PLR0917 - what is said of which version, by whom and when
    session: WriteSession, answer: str, version: int, said: str, by: Principal, now: datetime
) -> None:
    """Approve or end a version; the first one who says so counts.

    Raises:
        UnknownAnswerError: there is no such version.
        OwnAnswerError: who wrote it would approve it.
    """
    rows = await fetch_all(session, _WRITER, answer, version)
    if not rows:
        raise UnknownAnswerError
    writer = rows[0]["written_by"]
    if said == APPROVED and writer == by.id:
        raise OwnAnswerError
    await fetch_all(session, _MARK, answer, version, writer, said, now.date(), by.id, now)


async def in_force(
    session: ReadSession,
    today: date,
    *,
    answer: str | None = None,
    topic: str | None = None,
    language: str | None = None,
) -> list[Answer]:
    """What may be sent today, the newest version of each."""
    return [Answer(**dict(row)) for row in await fetch_all(session, _IN_FORCE, today, answer, topic, language)]


def fixed(language: str, today: date, *, strangers_only: bool) -> list[Answer]:
    """The fixed wordings as answers."""
    current = [wordings().current(name, language, today) for name in wordings().ids()]
    return [
        Answer(w.id, w.version, w.language, None, w.cites, w.text, w.effective_from, None, w.for_strangers)
        for w in current
        if w is not None and (w.for_strangers or not strangers_only)
    ]


async def find(session: ReadSession, answer: str, version: int, *, topic: str, language: str, today: date) -> Answer:
    """The answer that is to be sent in a conversation about this topic, in this language where it is a fixed wording.

    Raises:
        AnswerNotInForceError: another version is in force, or none.
    """
    found = [a for a in fixed(language, today, strangers_only=False) if a.answer == answer]
    found = found or await in_force(session, today, answer=answer, topic=topic)
    if not found or found[0].version != version:
        raise AnswerNotInForceError(found[0].version if found else None)
    return found[0]


async def was_used(session: ReadSession, session_id: UUID, entry_id: UUID) -> tuple[str, int] | None:
    """The answer and version that this entry was noted for."""
    rows = await fetch_all(session, _USED, session_id, entry_id)
    return (rows[0]["answer"], rows[0]["version"]) if rows else None


async def used(session: WriteSession, session_id: UUID, entry_id: UUID, answer: Answer, now: datetime) -> None:
    """Note that this version is about to become this entry."""
    await fetch_all(session, _USE, session_id, entry_id, answer.answer, answer.version, now)


async def recipients(
    session: ReadSession, answer: str, version: int, *, after: int, limit: int
) -> tuple[list[Any], date | None]:
    """Who was sent this version, in the order of sending, and since when something else holds (None: it still does).

    Raises:
        UnknownAnswerError: there is no such version.
    """
    if answer not in wordings().ids() and not await fetch_all(session, _WRITER, answer, version):
        raise UnknownAnswerError
    rows = await fetch_all(session, _RECIPIENTS, answer, version, after, limit)
    since: date | None = (await fetch_all(session, _SUPERSEDED, answer, version))[0]["since"]
    return list(rows), since
