"""When a topic is open: the hours of its schedule, of the offices that serve it, federal days off, closures, furloughs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from chat_gateway.routing.registers import MINUTES_OF_A_DAY, WEEK, Closing, Registers, Schedule, TopicVersion
from common.federal_calendar import FederalCalendar

LOOK_AHEAD_DAYS = 60
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether somebody serves at a moment.

    Attributes:
        until: when it closes, while it is open (UTC); None when it does not within two months.
        opens_at: when it opens next, while it is closed; None when no opening is known within two months.
        why: while closed: `outside-hours`, the code of a day off or closure, or `furlough`.
        authority: the law or order behind it, where there is one.
    """

    open: bool
    until: datetime | None = None
    opens_at: datetime | None = None
    why: str = ""
    authority: str = ""


class Hours:
    """Args:
    calendar: federal days off.
    """

    def __init__(self, registers: Registers, calendar: FederalCalendar) -> None:
        self._registers = registers
        self._calendar = calendar

    def of_topic(self, version: TopicVersion, at: datetime) -> Opening:
        """Whether the topic is open: within its hours, and one of the offices that serve it is open too."""
        names = [version.hours]
        if version.offices is not None:
            offices = [self._registers.offices.get(office) for office in sorted(version.offices)]
            serving = [name for name in offices if name is not None]
            # An office without hours of its own keeps those of the topic.
            if len(serving) == len(offices):
                return self._both(version.hours, serving, at)
        return self._of(names, at)

    def _both(self, hours: str, offices: list[str], at: datetime) -> Opening:
        """Open while the topic's schedule and one of the offices' are: found by going from opening to opening."""
        topic, office = self._of([hours], at), self._of(offices, at)
        if topic.open and office.open:
            return Opening(
                open=True, until=min((o for o in (topic.until, office.until) if o is not None), default=None)
            )
        closed = topic if not topic.open else office
        moment, limit = at, at + LOOK_AHEAD_DAYS * ONE_DAY
        while moment < limit:
            one, other = self._of([hours], moment), self._of(offices, moment)
            if one.open and other.open:
                return Opening(open=False, opens_at=moment, why=closed.why, authority=closed.authority)
            following = [o.opens_at for o in (one, other) if not o.open]
            if None in following:
                break
            moment = max(o for o in following if o is not None)
        return Opening(open=False, why=closed.why, authority=closed.authority)

    def _of(self, names: list[str], at: datetime) -> Opening:
        """Whether one of these schedules is open."""
        found = [self._schedule(name, at) for name in names]
        ends = [o.until for o in found if o.open]
        if ends:
            known = [end for end in ends if end is not None]
            return Opening(open=True, until=max(known) if len(known) == len(ends) else None)
        next_ones = [o for o in found if o.opens_at is not None]
        return min(next_ones, key=lambda o: o.opens_at or at) if next_ones else found[0]

    def _schedule(self, name: str, at: datetime) -> Opening:
        schedule = self._registers.schedules[name]
        today = at.astimezone(schedule.tz).date()
        why, authority = self._closed_on(name, schedule, today) or ("outside-hours", "")
        if why == "outside-hours":
            for begins, ends in _windows(schedule, today):
                if begins <= at < ends:
                    return Opening(open=True, until=self._end(name, schedule, ends, today))
        for number in range(LOOK_AHEAD_DAYS):
            day = today + number * ONE_DAY
            if self._closed_on(name, schedule, day) is None:
                for begins, _ in _windows(schedule, day):
                    if begins > at:
                        return Opening(open=False, opens_at=begins, why=why, authority=authority)
        return Opening(open=False, why=why, authority=authority)

    def _end(self, name: str, schedule: Schedule, ends: datetime, today: date) -> datetime | None:
        """When it really closes: windows that follow each other without a gap are one. None: not within two months."""
        for number in range(LOOK_AHEAD_DAYS):
            day = today + number * ONE_DAY
            if self._closed_on(name, schedule, day) is None:
                for begins, following in _windows(schedule, day):
                    if begins <= ends < following:
                        ends = following
        return ends if ends < _moment(schedule, today + LOOK_AHEAD_DAYS * ONE_DAY, 0) else None

    def _closed_on(self, name: str, schedule: Schedule, day: date) -> tuple[str, str] | None:
        """Why the whole day is closed, and by what authority; None when the week's windows hold."""
        for furlough in self._registers.furloughs:
            if furlough.first <= day and (furlough.last is None or day <= furlough.last):
                if name in furlough.excepted:
                    return None
                return "furlough", "31 U.S.C. 1342"
        for closing in self._registers.closures:
            if _covers(closing, name, day):
                return closing.reason, closing.authority
        off = self._calendar.day_off(day) if schedule.federal_days_off else None
        # Saturdays and Sundays are the week's own affair: a schedule may have windows on them.
        if off is not None and off.kind != "weekend":
            return off.code, off.authority
        return None


def _covers(closing: Closing, name: str, day: date) -> bool:
    return closing.first <= day <= closing.last and (closing.schedules is None or name in closing.schedules)


def _windows(schedule: Schedule, day: date) -> Iterator[tuple[datetime, datetime]]:
    """The windows of a local day, as moments (UTC), in order."""
    for window in sorted(schedule.week.get(WEEK[day.weekday()], ()), key=lambda w: w.begins):
        yield _moment(schedule, day, window.begins), _moment(schedule, day, window.ends)


def _moment(schedule: Schedule, day: date, minute: int) -> datetime:
    if minute == MINUTES_OF_A_DAY:
        day, minute = day + ONE_DAY, 0
    # A time that the clocks skip in spring is that much later; one that comes twice in autumn is the first.
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=schedule.tz)
    return local.astimezone(UTC)
