"""The accounting of disclosures: what became of each release, and what the person concerned sees of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from prometheus_client import Gauge

from common.contracts.disclosure import DisclosureReleased
from common.contracts.envelope import Envelope
from common.database import ReadSession, WriteSession
from common.errors import PoisonEventError
from disclosure import accounting_store as store
from disclosure import rulebook
from disclosure.accounting_store import Line
from disclosure.informing import store as notices
from disclosure.tables import ReleaseOutcome

PATIENCE = timedelta(minutes=10)
"""So long word of a grant that has ended may be on its way here."""

UNSETTLED = Gauge(
    "muniment_disclosure_grants_unsettled",
    "Grants that ended ten minutes ago and have no outcome: who holds the records is silent",
)


async def hear_outcomes(
    session: WriteSession, envelopes: Sequence[Envelope[DisclosureReleased]], *, now: datetime
) -> None:
    """Enter what became of grants. Each has one outcome: the same again is known, another one is refused.

    Raises:
        PoisonEventError: no such grant was signed here, or it had another outcome.
    """
    outcomes = [_outcome(envelope.data, now) for envelope in envelopes]
    grants = {grant.id: grant for grant in await store.grants_of(session, [one.grant_id for one in outcomes])}
    for envelope in envelopes:
        grant = grants.get(envelope.data.grant_id)
        if grant is None or (grant.request_id, grant.accounting_id) != (
            envelope.data.request_id, envelope.data.accounting_id,
        ):  # fmt: skip
            raise PoisonEventError("data.grant_id: no grant of this id was signed for this request and accounting")
    await store.enter_outcomes(session, outcomes)
    known = await store.outcomes_of(session, list(grants))
    if any(known[one.grant_id].outcome != one.outcome for one in outcomes):
        raise PoisonEventError("data.outcome: this grant had another outcome")
    await notices.nothing_left(session, [one.grant_id for one in outcomes if one.outcome != "released"])


async def watch(session: ReadSession, *, now: datetime) -> None:
    """Count the grants that ended without a word of what became of them. Who holds the records settles them, in the row
    that takes them: there cannot be two answers.
    """
    UNSETTLED.set(await store.unsettled(session, ended_before=now - PATIENCE))


async def lines_of(session: ReadSession, transcript_id: UUID, *, after: UUID | None, limit: int) -> Sequence[Line]:
    """What was disclosed of a transcript, first to last, for those who watch over it."""
    return await store.lines_of(session, transcript_id, after=after, limit=limit)


async def own_lines(
    session: ReadSession, accounts: Sequence[bytes], *, after: UUID | None, limit: int
) -> tuple[Sequence[UUID], Sequence[Line]]:
    """The person's records, and what they may see of the accounting of these (5 U.S.C. 552a(c)(3)).

    Theirs are the records that an official found to be theirs on a request of their own, after the identity gate. Lines of
    (b)(7) are left out where lines are sought, so neither number, order nor time tells that there is one.
    """
    records = await store.records_found_to_be_of(session, accounts)
    return records, await store.lines_of_all(session, records, hidden=hidden_bases(), after=after, limit=limit)


def hidden_bases() -> list[str]:
    """The bases whose lines the person does not see, by the rules of every system."""
    conditions = [c for system in rulebook.SYSTEMS for c in rulebook.current(system).notice.conditions]
    return sorted({c.id for c in conditions if not c.seen_by_person})


def _outcome(data: DisclosureReleased, now: datetime) -> ReleaseOutcome:
    return ReleaseOutcome(
        grant_id=data.grant_id,
        outcome=data.outcome,
        reason=data.reason,
        copies=[copy.model_dump(mode="json") for copy in data.copies],
        settled_at=data.settled_at,
        heard_at=now,
    )
