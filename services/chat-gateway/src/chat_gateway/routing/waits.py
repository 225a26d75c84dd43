"""How long somebody will wait: an interval with a stated chance of being right, or the honest answer that it is not known.

The interval lies between two order statistics of how long those waited who came to a like place for the same topic and
language, measured by the place: if the next wait is drawn as those were, it lies between the k-th smallest and the k-th
largest of n with a chance of at least (n + 1 - 2k) / (n + 1), whatever the distribution. Somebody who has waited already is
compared with those who waited at least as long. Whether reality draws so is not assumed but measured: `back_test` replays the record and says how often the
interval, made from what was known then, held.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

COVERAGE = 0.8
FEWEST = 20
MOST = 200
RECENT = timedelta(days=14)
ALIKE = 1.5
"""Places are compared with each other up to this ratio."""

HOURS_APART = 1
HOURS_OF_A_DAY = 24


@dataclass(frozen=True, slots=True)
class Wait:
    """How long one person waited.

    Attributes:
        place: in the queue at the beginning; 1 is the next to be served.
        ended: when an agent took it. Nobody can have known of it before.
    """

    topic: str
    language: str
    place: int
    began: datetime
    ended: datetime

    @property
    def lasted(self) -> timedelta:
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Interval:
    """Attributes:
    least, most: of the time still to wait.
    coverage: the chance with which it holds, at least.
    known_from: how many waits it was made from.
    """

    least: timedelta
    most: timedelta
    coverage: float
    known_from: int


@dataclass(frozen=True, slots=True)
class BackTest:
    """How the intervals did: of `asked` waits `answered` had one, and `held` of these lay in it."""

    asked: int
    answered: int
    held: int

    @property
    def coverage(self) -> float | None:
        return self.held / self.answered if self.answered else None


def estimate(
    record: Sequence[Wait],
    *,
    topic: str,
    language: str,
    place: int,
    at: datetime,
    waited: timedelta = timedelta(0),
) -> Interval | None:
    """The time that somebody at this place still has to wait, or None when not enough is known.

    Looks first at waits of the same topic, language and time of day that began at a like place; when there are too few, at
    those of any time of day. It never looks at other topics or languages: they have other agents.

    Args:
        record: waits that ended before `at`; older than two weeks do not count.
        waited: how long this person has waited at this place or further back.
    """
    like = [
        (w, w.lasted * place / w.place)
        for w in record
        if w.topic == topic
        and w.language == language
        and max(w.place, place) <= ALIKE * min(w.place, place)
        and at - RECENT <= w.ended <= at
    ]
    longer = [(w, lasted) for w, lasted in like if lasted >= waited]
    same_hour = [(w, lasted) for w, lasted in longer if _hours_between(w.began, at - waited) <= HOURS_APART]
    for chosen in (same_hour, longer):
        newest = sorted(chosen, key=lambda found: found[0].ended)[-MOST:]
        if len(newest) >= FEWEST:
            return _between(sorted(lasted - waited for _, lasted in newest))
    return None


def back_test(record: Iterable[Wait]) -> BackTest:
    """Ask for every wait of the record what would have been said at its beginning, knowing what had ended by then."""
    waits = sorted(record, key=lambda w: w.began)
    by_end = sorted(waits, key=lambda w: w.ended)
    asked = answered = held = known = 0
    for wait in waits:
        while known < len(by_end) and by_end[known].ended <= wait.began:
            known += 1
        asked += 1
        said = estimate(by_end[:known], topic=wait.topic, language=wait.language, place=wait.place, at=wait.began)
        if said is not None:
            answered += 1
            held += said.least <= wait.lasted <= said.most
    return BackTest(asked, answered, held)


def _between(lasted: Sequence[timedelta]) -> Interval:
    """The narrowest pair of order statistics, as far from each end, whose chance is at least `COVERAGE`."""
    n = len(lasted)
    k = max(int((n + 1) * (1 - COVERAGE) / 2), 1)
    return Interval(lasted[k - 1], lasted[n - k], (n + 1 - 2 * k) / (n + 1), n)


def _hours_between(one: datetime, other: datetime) -> int:
    apart = abs(one.hour - other.hour)
    return min(apart, HOURS_OF_A_DAY - apart)
