"""The yearly report: which figures there are, how they are counted, and how they are written down. Pure.

What the Privacy Act wants watched: requests of individuals and the time they took (552a(d)), disclosures by basis and to whom
(552a(b), (c)), who was told of corrections (552a(c)(4), (d)(4)), and the time limits that were not kept. No person is named.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from common.federal_calendar import FederalCalendar

Period = Literal["fiscal", "calendar"]
KINDS = ("notification", "access", "amendment")
OUTCOMES = ("granted", "granted-in-part", "refused")
ELSE = ("rerouted", "withdrawn")
LIMITS = {
    "acknowledge": "5 U.S.C. 552a(d)(2)(A): 10 working days",
    "review": "5 U.S.C. 552a(d)(3): 30 working days",
    "extension": "5 U.S.C. 552a(d)(3): as the head of the agency extended it",
    "promised": "20 CFR 401.50(b): as the person was told",
}
LONG_REVIEW = 30
"""Working days: reviews that took longer are listed one by one."""

Value = str | int | None


class Section(BaseModel):
    """One table of the report."""

    id: str
    title: str
    law: str
    columns: list[str]
    rows: list[dict[str, Value]] = Field(description="Each with every column")


class YearlyReport(BaseModel):
    """The figures of one year. The same year gives the same figures once it is over and everything of it is settled."""

    year: int
    period: Period
    first_day: date
    last_day: date
    counted_on: date = Field(description="The day on which it was counted, at the agency's seat")
    complete: bool = Field(description="Whether the year was over by then")
    tree_size: int = Field(description="Of the signed audit tree at that moment")
    root_hash: str
    statement: str | None = Field(description="The head of that tree, as a JWS")
    sections: list[Section]


@dataclass(frozen=True, slots=True)
class Year:
    """A year of the agency: the fiscal one begins on 1 October of the year before (31 U.S.C. 1102)."""

    number: int
    period: Period

    @property
    def first(self) -> date:
        return date(self.number - 1, 10, 1) if self.period == "fiscal" else date(self.number, 1, 1)

    @property
    def last(self) -> date:
        return date(self.number, 9, 30) if self.period == "fiscal" else date(self.number, 12, 31)

    def holds(self, day: date | None) -> bool:
        return day is not None and self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Request:
    """An individual's request, as far as it is counted. `settled_on`: when it was first decided, or ended otherwise."""

    kind: str
    received_on: date
    settled_on: date | None
    how: str | None


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit that fell into the year."""

    request_id: UUID
    name: str
    started_on: date
    due_on: date
    met_on: date | None


def of_requests(year: Year, requests: Sequence[Request]) -> Section:
    """How many requests there were and what became of them, by kind."""
    rows: list[dict[str, Value]] = []
    for kind in KINDS:
        mine = [r for r in requests if r.kind == kind]
        ended = Counter(r.how for r in mine if year.holds(r.settled_on))
        row: dict[str, Value] = {"kind": kind, "pending at the start": sum(_open_before(r, year.first) for r in mine)}
        row["received"] = sum(year.holds(r.received_on) for r in mine)
        row |= {how: ended[how] for how in (*OUTCOMES, *ELSE)}
        row["pending at the end"] = sum(_open_before(r, year.last + timedelta(days=1)) for r in mine)
        rows.append(row)
    return _section("requests", "Requests of individuals", "5 U.S.C. 552a(d)", rows)


def _open_before(request: Request, day: date) -> bool:
    """Whether it was received before this day, and not settled before it."""
    return request.received_on < day and (request.settled_on is None or request.settled_on >= day)


def of_days(year: Year, requests: Sequence[Request], calendar: FederalCalendar) -> Section:
    """Working days from receipt to the first decision, of the decisions of the year."""
    rows: list[dict[str, Value]] = []
    for kind in KINDS:
        taken = sorted(
            calendar.elapsed(r.received_on, r.settled_on).working_days
            for r in requests
            if r.kind == kind and r.settled_on is not None and year.holds(r.settled_on) and r.how in OUTCOMES
        )
        rows.append(
            {
                "kind": kind,
                "decided": len(taken),
                "shortest": taken[0] if taken else None,
                "median": f"{median(taken):g}" if taken else None,
                "longest": taken[-1] if taken else None,
            }
        )
    return _section("days", "Working days from receipt to decision", "5 U.S.C. 552a(d); 20 CFR 401.50, 401.65", rows)


def of_limits(limits: Sequence[Limit], today: date) -> Section:
    """The time limits that ended in the year, and how many were kept."""
    rows: list[dict[str, Value]] = []
    for name, law in LIMITS.items():
        stood = Counter(_stood(limit, today) for limit in limits if limit.name == name)
        rows.append({"limit": name, "law": law} | {how: stood[how] for how in ("kept", "late", "missed", "running")})
    return _section("limits", "Time limits that ended in the year", "5 U.S.C. 552a(d)(2), (d)(3)", rows)


def _stood(limit: Limit, today: date) -> str:
    if limit.met_on is not None:
        return "kept" if limit.met_on <= limit.due_on else "late"
    return "missed" if limit.due_on < today else "running"


def of_long_reviews(limits: Sequence[Limit], today: date, calendar: FederalCalendar) -> Section:
    """Reviews that took, or take, more than thirty working days, one by one."""
    rows: list[dict[str, Value]] = []
    for limit in sorted(
        (one for one in limits if one.name == "review"), key=lambda one: (one.started_on, one.request_id)
    ):
        days = calendar.elapsed(limit.started_on, limit.met_on or today).working_days
        if days > LONG_REVIEW:
            ended = limit.met_on.isoformat() if limit.met_on else None
            rows.append({"request": str(limit.request_id), "asked on": limit.started_on.isoformat(), "ended on": ended,
                         "working days": days})  # fmt: skip
    columns = ["request", "asked on", "ended on", "working days"]
    return _section("long-reviews", "Reviews of more than 30 working days", "5 U.S.C. 552a(d)(3)", rows, columns)


def counted(id_: str, title: str, law: str, columns: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> Section:
    """A table that the store counted."""
    return _section(id_, title, law, [{name: row[name] for name in columns} for row in rows], list(columns))


def _section(id_: str, title: str, law: str, rows: list[dict[str, Value]], columns: list[str] | None = None) -> Section:
    return Section(id=id_, title=title, law=law, columns=columns or list(rows[0]), rows=rows)


def as_markdown(report: YearlyReport) -> str:
    parts = [f"# {title_of(report)}\n", *(f"{line}\n" for line in _head(report))]
    for section in report.sections:
        parts.append(f"## {section.title}\n\n{section.law}\n")
        lines = ["| " + " | ".join(section.columns) + " |", "|" + "---|" * len(section.columns)]
        lines += ["| " + " | ".join(_cells(section, row)) + " |" for row in section.rows]
        parts.append("\n".join(lines) + "\n" if section.rows else "None.\n")
    return "\n".join(parts)


def as_lines(report: YearlyReport) -> Iterator[str]:
    """The report for a page of paper, columns below each other in a font of one width."""
    yield from _head(report)
    for section in report.sections:
        yield from ("", section.title, section.law)
        table = [section.columns, *(_cells(section, row) for row in section.rows)] if section.rows else [["None."]]
        widths = [max(len(row[n]) for row in table) for n in range(len(table[0]))]
        for row in table:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def title_of(report: YearlyReport) -> str:
    return f"Privacy Act figures of the {report.period} year {report.year}"


def _head(report: YearlyReport) -> list[str]:
    over = "the year is over" if report.complete else "the year is NOT over"
    return [
        f"From {report.first_day} to {report.last_day}, counted on {report.counted_on}: {over}.",
        f"Signed audit tree at that moment: size {report.tree_size}, root {report.root_hash or 'none'}.",
    ]


def _cells(section: Section, row: Mapping[str, Value]) -> list[str]:
    return ["-" if row[name] is None else str(row[name]) for name in section.columns]
