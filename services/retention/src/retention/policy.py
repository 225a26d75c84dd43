"""May a record be disposed of now? Facts in, every reason out. Pure; the cases stand in policies/eligibility.toml."""

from datetime import UTC, datetime

from retention.model import GENERAL, Eligibility, Facts, Outcome, Reason, ScheduleItem

VERSION = "2026-11-22"
"""Of these rules: the same facts under the same version give the same answer."""

_LEAP_DAY = (2, 29)
_FISCAL_YEAR_ENDS_BEFORE = 10  # the month: it ends on 30 September


def eligibility(facts: Facts, *, now: datetime) -> Eligibility:
    """Everything that stands against disposing of the record now, and everything that would have to be known.

    Args:
        now: the moment that is asked about (aware).
    """
    reasons: list[Reason] = []
    missing: list[str] = []
    eligible_at = None
    if facts.item is None:
        reasons.append(_unscheduled(facts))
    else:
        reasons += _authority_reasons(facts, facts.item)
        if facts.item.status == "approved" and not facts.item.authority:
            missing.append("item.authority")
        if facts.item.disposition == "permanent":
            reasons.append(_permanent(facts.item))
        elif facts.item.status == "approved":  # nothing else starts a clock
            eligible_at = _clock(facts, facts.item, now, reasons, missing)
    for name, standing, refusal in (("holds", facts.holds, _held), ("disputes", facts.disputes, _disputed)):
        if standing is None:
            missing.append(name)
        else:
            reasons += map(refusal, standing)
    outcome: Outcome = "not_eligible" if reasons else "undecided" if missing else "eligible"
    return Eligibility(outcome, tuple(reasons), tuple(missing), eligible_at)


def cut_off(item: ScheduleItem, happened: datetime) -> datetime:
    """When the file closes and its retention starts to count, given when the item's event happened."""
    moment = happened.astimezone(UTC)
    if item.cutoff == "event":
        return moment
    if item.cutoff == "calendar_year":
        return datetime(moment.year + 1, 1, 1, tzinfo=UTC)
    year = moment.year + (moment.month >= _FISCAL_YEAR_ENDS_BEFORE)
    return datetime(year, _FISCAL_YEAR_ENDS_BEFORE, 1, tzinfo=UTC)


def years_after(moment: datetime, years: int) -> datetime:
    """The same moment so many years later; after 29 February, where there is none, 1 March: never a day too early."""
    if (moment.month, moment.day) == _LEAP_DAY and not _is_leap(moment.year + years):
        return moment.replace(year=moment.year + years, month=3, day=1)
    return moment.replace(year=moment.year + years)


def _authority_reasons(facts: Facts, item: ScheduleItem) -> list[Reason]:
    reasons = []
    if item.status == "proposed":
        reasons += [_unscheduled(facts), _proposed(item)]
    if item.status == "withdrawn":
        reasons.append(_withdrawn(item))
    if item.agency not in {facts.agency, GENERAL}:
        reasons.append(_other_agency(item))
    return reasons


def _clock(
    facts: Facts, item: ScheduleItem, now: datetime, reasons: list[Reason], missing: list[str]
) -> datetime | None:
    if item.event not in facts.events:
        missing.append(f"events.{item.event}")
        return None
    happened = facts.events[item.event]
    if happened is None:
        reasons.append(_not_started(item))
        return None
    at = years_after(cut_off(item, happened), item.years)
    if now < at:
        reasons.append(_running(item, at))
    return at


def _unscheduled(facts: Facts) -> Reason:
    return Reason(
        "UNSCHEDULED",
        "The National Archives has approved no disposition of this series: until it does, the record counts as permanent "
        "and may be neither destroyed nor given away.",
        f"36 CFR 1220.18, 1225.16(c)(2); 44 U.S.C. 3303a, 3314; {facts.citation}",
    )


def _proposed(item: ScheduleItem) -> Reason:
    return Reason(
        "SCHEDULE_PROPOSED",
        f"Item {item.code} ({item.years} years after {item.event.replace('_', ' ')}) is proposed and not approved; a "
        "proposal gives nobody authority, however old the record is.",
        f"{item.citation}; 36 CFR 1225.16, 1226.10",
    )


def _withdrawn(item: ScheduleItem) -> Reason:
    return Reason(
        "AUTHORITY_WITHDRAWN",
        f"The authority of item {item.code} is withdrawn or was never given.",
        "36 CFR 1226.14(a), 1226.16; 44 U.S.C. 2909",
    )


def _other_agency(item: ScheduleItem) -> Reason:
    return Reason(
        "OTHER_AGENCY",
        f"Item {item.code} is a schedule of {item.agency}; another agency's authority does not serve here.",
        "36 CFR 1226.14(c)",
    )


def _permanent(item: ScheduleItem) -> Reason:
    return Reason(
        "PERMANENT",
        f"Item {item.code} keeps this series permanently: it goes to the National Archives and is never destroyed.",
        "36 CFR 1226.22, 1230.3",
    )


def _not_started(item: ScheduleItem) -> Reason:
    return Reason(
        "CLOCK_NOT_STARTED",
        f"What starts the retention period ({item.event.replace('_', ' ')}) has not happened.",
        "36 CFR 1225.16, 1220.18 (contingent records)",
    )


def _running(item: ScheduleItem, at: datetime) -> Reason:
    return Reason(
        "PERIOD_RUNNING",
        f"The retention period of item {item.code} runs until {at:%Y-%m-%d}.",
        "36 CFR 1226.10, 1230.3",
    )


def _held(hold: str) -> Reason:
    return Reason("HELD", f"Hold {hold} stands: it suspends every disposition.", "36 CFR 1230.3, 1226.20")


def _disputed(dispute: str) -> Reason:
    return Reason(
        "DISPUTED", f"The request to amend {dispute} is not settled.", "5 U.S.C. 552a(d)(2)-(4); 36 CFR 1230.3"
    )


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
