"""What a waiting person is told: the place in the queue, and an honest interval for the wait."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from chat_gateway import frames, placements
from chat_gateway.desk_schemas import IntervalOut, PlaceOut, QueueFrame
from chat_gateway.errors import UnknownTopicError
from chat_gateway.model import Status
from chat_gateway.placements import Placement
from chat_gateway.routing.registers import Instead
from chat_gateway.routing.waits import RECENT, BackTest, Interval, Wait, back_test, estimate
from chat_gateway.serving import Topics
from chat_gateway.sessions import Sessions
from common.clock import Clock
from common.database import Database, ReadSession

FRESH = timedelta(minutes=1)
LATELY = timedelta(seconds=1)
AGAIN = timedelta(seconds=30)
"""After so long a person hears again where they stand, though the place is the same: the interval is not."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a waiting person stands among those who need the same experts.

    Attributes:
        number: 1 is the next to be served.
        interval: None when not enough is known.
    """

    number: int
    of: int
    interval: Interval | None
    tested: BackTest


@dataclass(frozen=True, slots=True)
class Promise:
    """Attributes:
    channels: other ways to reach the agency.
    late: whether the topic's longest wait has passed.
    offers: what is offered instead of waiting on.
    """

    channels: list[str]
    late: bool
    offers: list[Instead]


class Queueing:
    """Places and intervals, and telling them to the customers who are connected here."""

    def __init__(self, sessions: Sessions, topics: Topics, *, database: Database, clock: Clock) -> None:
        self._sessions = sessions
        self._topics = topics
        self._database = database
        self._clock = clock
        self._records: dict[tuple[str, str], tuple[datetime, list[Wait], BackTest]] = {}
        self._told: dict[UUID, tuple[int, int, int, datetime]] = {}
        self._queue: tuple[datetime, list[Placement]] | None = None

    def present(self) -> list[UUID]:
        """Waiting sessions whose customer is connected here."""
        return [
            live.state.id
            for live in self._sessions.watched()
            if live.state.situation.status is Status.WAITING and any(s.for_customer for s in live.subscribers)
        ]

    async def tell(self, now: datetime) -> None:
        """Tell each waiting customer here their place: when it changed, and now and then."""
        here = set(self.present())
        self._told = {session_id: told for session_id, told in self._told.items() if session_id in here}
        if not here:
            return
        async with self._database.reading() as session:
            places = await self._places(session, here, now)
        for session_id, (placement, place) in places.items():
            *told, at = self._told.get(session_id, (0, 0, 0, now))
            stands = place.number, place.of, placement.step
            if tuple(told) != stands or now - at > AGAIN:
                self._told[session_id] = *stands, now
                self._send(session_id, _frame(placement, place, self.promise(placement)))

    def _send(self, session_id: UUID, text: str) -> None:
        live = self._sessions.at_hand(session_id)
        for subscriber in tuple(live.subscribers) if live else ():
            if subscriber.for_customer:
                subscriber.tell(text)

    async def place_of(self, session: ReadSession, session_id: UUID) -> tuple[Placement, Place] | None:
        """Where a session stands; None when it does not wait."""
        return (await self._places(session, {session_id}, self._clock.now())).get(session_id)

    async def place_now(self, session_id: UUID) -> PlaceOut | None:
        """What somebody who comes back is told of their place. After an outage many ask at once: one look serves them."""
        now = self._clock.now()
        async with self._database.reading() as session:
            if self._queue is None or now - self._queue[0] > LATELY:
                self._queue = now, await placements.queue(session)
            found = (await self._places(session, {session_id}, now, self._queue[1])).get(session_id)
        return place_out(*found, self.promise(found[0])) if found else None

    async def _places(
        self, session: ReadSession, wanted: set[UUID], now: datetime, queue: list[Placement] | None = None
    ) -> dict[UUID, tuple[Placement, Place]]:
        counts: dict[tuple[str, str], int] = {}
        found: dict[UUID, tuple[Placement, int]] = {}
        for placement in await placements.queue(session) if queue is None else queue:
            line = placement.topic, placement.language
            counts[line] = counts.get(line, 0) + 1
            if placement.session_id in wanted:
                found[placement.session_id] = placement, counts[line]
        places = {}
        for session_id, (placement, number) in found.items():
            line = placement.topic, placement.language
            record, tested = await self._record(session, line, now)
            # Whoever still stands where they came in is compared with those who stood there as long.
            waited = now - placement.queued_at if number >= placement.queued_place else timedelta(0)
            interval = estimate(record, topic=line[0], language=line[1], place=number, at=now, waited=waited)
            places[session_id] = placement, Place(number, counts[line], interval, tested)
        return places

    async def _record(self, session: ReadSession, line: tuple[str, str], now: datetime) -> tuple[list[Wait], BackTest]:
        known = self._records.get(line)
        if known is None or now - known[0] > FRESH:
            record = await placements.waits(session, *line, now - RECENT)
            known = self._records[line] = now, record, back_test(record)
        return known[1], known[2]

    def promise(self, placement: Placement) -> Promise:
        """What else there is for somebody who waits."""
        try:
            version = self._topics.version(placement.topic)
        except UnknownTopicError:
            return Promise([], late=False, offers=[])
        late = self._clock.now() - placement.queued_at > version.longest_wait
        offers = self._topics.offered_instead(placement.topic, placement.step)
        return Promise(list(version.other_channels), late=late, offers=offers)


def place_out(placement: Placement, place: Place, promise: Promise) -> PlaceOut:
    """What a person is told of their place."""
    return PlaceOut(
        session_id=str(placement.session_id),
        place=place.number,
        of=place.of,
        wait=interval_out(place),
        other_channels=promise.channels,
        longer_than_promised=promise.late,
        steps=placement.step,
        offers=promise.offers,
    )


def interval_out(place: Place) -> IntervalOut | None:
    """The interval for people: whole seconds, outwards; None when not enough is known."""
    if place.interval is None:
        return None
    return IntervalOut(
        least_seconds=int(place.interval.least.total_seconds()),
        most_seconds=-int(-place.interval.most.total_seconds() // 1),
        coverage=round(place.interval.coverage, 3),
        tested_coverage=None if place.tested.coverage is None else round(place.tested.coverage, 3),
        known_from=place.interval.known_from,
    )


def _frame(placement: Placement, place: Place, promise: Promise) -> str:
    return frames.write(QueueFrame(**place_out(placement, place, promise).model_dump()))
