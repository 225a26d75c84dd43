"""What would a changed notice have decided? Every past decision is made again under it and compared; nothing is stored."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from common.database import Database, fetch_all
from disclosure import policy
from disclosure.question import Question, Rules, TaxSpan

PAGE = 1000

# The steps stay where they are: they are long, and only what they led to is compared.
_PAST = """
SELECT d.id, d.outcome, d.missing, d.facts, d.sealed, d.tax_spans, d.decided_at, d.request_id,
       r.transcript_ids, r.basis, r.recipient_kind, r.purpose
FROM decision d JOIN disclosure_request r ON r.id = d.request_id
WHERE d.id > $1 AND ($4 = 1 OR get_byte(uuid_send(d.id), 15) % $4 = $3)
ORDER BY d.id LIMIT $2
"""
_FIRST = UUID(int=0)


@dataclass(slots=True)
class Tally:
    """How far the comparison has come."""

    decisions: int = 0
    same: int = 0
    different: int = 0
    other_notice: int = 0
    """Decisions on a basis, recipient or purpose that the changed notice does not hold at all."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that would come out otherwise."""

    decision_id: UUID
    request_id: UUID
    basis: str
    then: str
    now: str
    because: tuple[str, ...]
    """Facts that would stand against it, or would be missing."""


async def differences(
    database: Database, rules: Rules, tally: Tally, *, as_of: datetime | None = None, share: tuple[int, int] = (0, 1)
) -> AsyncIterator[Difference]:
    """Compare page by page, in a read-only unit of work each, oldest decision first.

    Args:
        tally: counted up as it goes.
        as_of: decide as at this moment; None: each as at its own.
        share: (number of this share, number of shares), for several processes side by side.
    """
    after = _FIRST
    while True:
        async with database.reading() as session:
            rows = await fetch_all(session, _PAST, after, PAGE, *share)
        for found in compared(rules, rows, tally, as_of=as_of):
            yield found
        if len(rows) < PAGE:
            return
        after = rows[-1]["id"]


def compared(
    rules: Rules, rows: Sequence[asyncpg.Record], tally: Tally, *, as_of: datetime | None
) -> Iterator[Difference]:
    """The differences among these past decisions."""
    notice = rules.notice
    for row in rows:
        tally.decisions += 1
        basis = row["basis"]
        if (basis not in rules.bases and basis not in rules.refused) or row["recipient_kind"] not in notice.recipients:
            tally.other_notice += 1
            continue
        decision = policy.evaluate(rules, _question(row), at=as_of or row["decided_at"])
        if decision.outcome == row["outcome"] and set(decision.missing) == set(row["missing"]):
            tally.same += 1
            continue
        tally.different += 1
        because = tuple(step.fact for step in decision.reasons) if decision.outcome != "allow" else ()
        yield Difference(row["id"], row["request_id"], basis, row["outcome"], decision.outcome, because)


def _question(row: asyncpg.Record) -> Question:
    return Question(
        request_id=row["request_id"],
        transcript_ids=tuple(row["transcript_ids"]),
        basis=row["basis"],
        recipient_kind=row["recipient_kind"],
        purpose=row["purpose"],
        facts=row["facts"],
        sealed=frozenset(row["sealed"]),
        spans=tuple(TaxSpan(**{**span, "transcript_id": UUID(span["transcript_id"])}) for span in row["tax_spans"]),
    )
