"""The figures of a year, counted from what happened in it."""

from datetime import date
from uuid import UUID

import pytest

from common.federal_calendar import FederalCalendar
from disclosure.auditing import pdf, yearly
from disclosure.auditing.yearly import Limit, Request, Year, YearlyReport

FISCAL, CALENDAR = Year(2026, "fiscal"), Year(2026, "calendar")
DAYS = FederalCalendar()


def test_a_fiscal_year_begins_in_october_of_the_year_before() -> None:
    assert (FISCAL.first, FISCAL.last) == (date(2025, 10, 1), date(2026, 9, 30))
    assert (CALENDAR.first, CALENDAR.last) == (date(2026, 1, 1), date(2026, 12, 31))
    assert FISCAL.holds(date(2025, 10, 1))
    assert not FISCAL.holds(date(2026, 10, 1))
    assert not FISCAL.holds(None)


def request(received: str, settled: str = "", how: str | None = None, kind: str = "access") -> Request:
    return Request(kind, date.fromisoformat(received), date.fromisoformat(settled) if settled else None, how)


REQUESTS = [
    request("2025-09-01", "2025-10-01", "granted"),  # open when the year began, decided on its first day
    request("2025-09-01", "2025-09-30", "granted"),  # of the year before
    request("2025-10-01", "2025-10-15", "refused"),
    request("2026-09-01", "2026-10-01", "granted"),  # open when it ended
    request("2026-09-30"),
    request("2026-10-01"),  # of the next
    request("2026-03-02", "2026-03-03", "withdrawn"),
    request("2026-03-02", "2026-03-16", "granted", kind="amendment"),
]


def test_what_was_open_received_and_settled_adds_up() -> None:
    section = yearly.of_requests(FISCAL, REQUESTS)
    row = next(r for r in section.rows if r["kind"] == "access")
    assert row == {
        "kind": "access", "pending at the start": 1, "received": 4, "granted": 1, "granted-in-part": 0, "refused": 1,
        "rerouted": 0, "withdrawn": 1, "pending at the end": 2,
    }  # fmt: skip
    for row in section.rows:
        numbers = {name: value for name, value in row.items() if isinstance(value, int)}
        ended = sum(numbers[name] for name in (*yearly.OUTCOMES, *yearly.ELSE))
        assert numbers["pending at the start"] + numbers["received"] - ended == numbers["pending at the end"]


def test_days_are_federal_working_days_of_the_decisions_of_the_year() -> None:
    by_kind = {row["kind"]: row for row in yearly.of_days(FISCAL, REQUESTS, DAYS).rows}
    # 1 to 15 October 2025: ten weekdays, less Columbus Day; 1 September to 1 October: 22 of them.
    assert by_kind["access"] == {"kind": "access", "decided": 2, "shortest": 9, "median": "15.5", "longest": 22}
    assert by_kind["amendment"]["median"] == "10"
    assert by_kind["notification"] == {
        "kind": "notification",
        "decided": 0,
        "shortest": None,
        "median": None,
        "longest": None,
    }


def limit(name: str, started: str, due: str, met: str = "", n: int = 1) -> Limit:
    days = [date.fromisoformat(d) for d in (started, due)]
    return Limit(UUID(int=n), name, days[0], days[1], date.fromisoformat(met) if met else None)


LIMITS = [
    limit("acknowledge", "2026-03-02", "2026-03-16", "2026-03-16"),
    limit("acknowledge", "2026-03-02", "2026-03-16", "2026-03-17"),
    limit("acknowledge", "2026-03-02", "2026-03-16"),
    limit("review", "2026-03-02", "2026-04-13", "2026-04-13", n=7),
    limit("review", "2026-03-02", "2026-04-13", "2026-04-14", n=8),
    limit("review", "2026-08-03", "2026-09-15", n=9),
]


def test_a_limit_is_kept_on_its_last_day_and_late_on_the_next() -> None:
    by_name = {row["limit"]: row for row in yearly.of_limits(LIMITS, date(2026, 8, 10)).rows}
    assert [by_name["acknowledge"][how] for how in ("kept", "late", "missed", "running")] == [1, 1, 1, 0]
    assert [by_name["review"][how] for how in ("kept", "late", "missed", "running")] == [1, 1, 0, 1]


def test_reviews_of_more_than_thirty_working_days_are_listed_whether_they_ended_or_not() -> None:
    rows = yearly.of_long_reviews(LIMITS, date(2026, 8, 10), DAYS).rows
    assert [(r["request"], r["ended on"], r["working days"]) for r in rows] == [(str(UUID(int=8)), "2026-04-14", 31)]
    rows = yearly.of_long_reviews(LIMITS, date(2026, 10, 1), DAYS).rows
    assert [(r["request"], r["ended on"]) for r in rows] == [(str(UUID(int=8)), "2026-04-14"), (str(UUID(int=9)), None)]


def test_the_report_says_whether_the_year_is_over_and_shows_every_table() -> None:
    sections = [yearly.of_requests(FISCAL, REQUESTS), yearly.of_long_reviews([], date(2026, 8, 10), DAYS)]
    report = YearlyReport(
        year=2026, period="fiscal", first_day=FISCAL.first, last_day=FISCAL.last, counted_on=date(2026, 8, 10),
        complete=False, tree_size=0, root_hash="", statement=None, sections=sections,
    )  # fmt: skip
    page = yearly.as_markdown(report)
    assert "the year is NOT over" in page
    assert "| access | 1 | 4 | 1 | 0 | 1 | 0 | 1 | 2 |" in page
    assert "None.\n" in page
    assert [line.split() for line in yearly.as_lines(report) if line.startswith("access")] == [["access", *"14101012"]]


@pytest.mark.parametrize("count", [0, 1, pdf.LINES, pdf.LINES + 1, 3 * pdf.LINES])
def test_paper_has_as_many_pages_as_its_lines_need(count: int) -> None:
    pages = pdf.Pages("Title")
    parts = [pages.begin(), *(pages.add([f"line {n}"]) for n in range(count)), pages.end()]
    wanted = max(1, -(-count // pdf.LINES))
    assert f"/Count {wanted} ".encode() in parts[-1]
    assert b"".join(parts).count(b"/Type /Page ") == wanted


def test_what_could_end_a_text_of_paper_is_written_otherwise() -> None:
    pages = pdf.Pages("T")
    content = pages.begin() + pages.add([r"a) Tj (b \ Łódź" + "\x00"]) + pages.end()
    assert rb"(a\) Tj \(b \\ \\u0141\xf3d\\u017a ) Tj".replace(rb"\xf3", b"\xf3") in content
