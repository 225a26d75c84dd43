"""Counts one year from the store, in one snapshot."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from common.audit.heads import b64
from common.database import ReadSession, fetch_all
from common.federal_calendar import FederalCalendar
from disclosure import policy, rulebook
from disclosure.auditing import proofs, yearly
from disclosure.auditing.yearly import Limit, Request, Section, Value, Year, YearlyReport

# Everything that was open at some moment of the year or received in it.
_REQUESTS = """
SELECT r.kind, r.received_on, d.outcome, d.decided_at, e.to_state, e.at AS ended_at
FROM individual_request r
LEFT JOIN individual_decision d ON d.request_id = r.id AND d.stage = 'initial'
LEFT JOIN LATERAL (
    SELECT s.to_state, s.at FROM individual_step s
    WHERE s.request_id = r.id AND s.to_state IN ('rerouted', 'withdrawn') ORDER BY s.seq LIMIT 1) e ON true
WHERE r.received_on <= $2 AND coalesce(d.decided_at, e.at, $1) >= $1
"""
_LIMITS = "SELECT request_id, name, started_on, due_on, met_on FROM individual_clock WHERE due_on BETWEEN $1 AND $2"
_REVIEWS = """
SELECT r.kind, (SELECT count(*) FROM individual_step s JOIN individual_request q ON q.id = s.request_id
                WHERE q.kind = r.kind AND s.act = 'ask-review' AND s.at >= $1 AND s.at < $2) AS asked,
       count(*) FILTER (WHERE d.outcome = 'granted') AS reversed,
       count(*) FILTER (WHERE d.outcome = 'granted-in-part') AS "reversed in part",
       count(*) FILTER (WHERE d.outcome = 'refused') AS upheld,
       (SELECT count(DISTINCT p.request_id) FROM record_dispute p JOIN individual_request q ON q.id = p.request_id
        WHERE q.kind = r.kind AND p.filed_on BETWEEN $3 AND $4) AS "statements of disagreement"
FROM unnest(ARRAY['access', 'amendment']) WITH ORDINALITY AS r (kind, n)
LEFT JOIN (individual_decision d JOIN individual_request i ON i.id = d.request_id)
    ON i.kind = r.kind AND d.stage = 'review' AND d.decided_at >= $1 AND d.decided_at < $2
GROUP BY r.kind, r.n ORDER BY r.n
"""
_BY_BASIS = """
SELECT basis, sum(asked)::bigint AS asked, sum(allow)::bigint AS allow, sum(deny)::bigint AS deny,
       sum(undecided)::bigint AS undecided, sum(accounted)::bigint AS accounted, sum(records)::bigint AS records,
       sum(unaccounted)::bigint AS "not accounted"
FROM (
    SELECT basis, 1 AS asked, 0 AS allow, 0 AS deny, 0 AS undecided, 0 AS accounted, 0 AS records, 0 AS unaccounted
    FROM disclosure_request WHERE requested_at >= $1 AND requested_at < $2
    UNION ALL
    SELECT r.basis, 0, (d.outcome = 'allow')::int, (d.outcome = 'deny')::int, (d.outcome = 'undecided')::int, 0, 0, 0
    FROM decision d JOIN disclosure_request r ON r.id = d.request_id WHERE d.decided_at >= $1 AND d.decided_at < $2
    UNION ALL
    SELECT a.basis, 0, 0, 0, 0, 1, (SELECT count(*) FROM accounting_transcript t WHERE t.accounting_id = a.id), 0
    FROM accounting a WHERE a.disclosed_at >= $1 AND a.disclosed_at < $2
    UNION ALL
    SELECT g.basis, 0, 0, 0, 0, 0, 0, 1 FROM release_grant g
    WHERE g.accounting_id IS NULL AND g.issued_at >= $1 AND g.issued_at < $2
) AS counted GROUP BY basis ORDER BY basis
"""
_TO_WHOM = """
SELECT a.recipient_kind AS "kind of recipient", count(*) AS disclosures,
       count(*) FILTER (WHERE o.outcome = 'released') AS went, count(*) FILTER (WHERE o.outcome = 'refused') AS refused,
       count(*) FILTER (WHERE o.outcome = 'expired') AS expired, count(*) FILTER (WHERE o.outcome IS NULL) AS awaited
FROM accounting a LEFT JOIN release_grant g ON g.accounting_id = a.id LEFT JOIN release_outcome o ON o.grant_id = g.id
WHERE a.disclosed_at >= $1 AND a.disclosed_at < $2 GROUP BY a.recipient_kind ORDER BY a.recipient_kind
"""
_TOLD = """
SELECT kind, count(*) AS notices, count(*) FILTER (WHERE state = 'received') AS received,
       count(*) FILTER (WHERE state = 'sent') AS sent, count(*) FILTER (WHERE state = 'due') AS due,
       count(*) FILTER (WHERE state = 'due' AND due_on < $3 OR sent_on > due_on) AS late,
       count(*) FILTER (WHERE state = 'moot') AS moot
FROM outgoing_notice WHERE made_at >= $1 AND made_at < $2 GROUP BY kind ORDER BY kind
"""
_INCIDENTS = """
SELECT i.trigger, count(*) AS incidents, count(*) FILTER (WHERE i.certainty = 'suspected') AS suspected,
       count(*) FILTER (WHERE i.alarmed_at IS NOT NULL) AS "told late", sum(i.people_estimated)::bigint AS "people estimated",
       sum((SELECT count(*) FROM incident_person p WHERE p.incident_id = i.id))::bigint AS "people found",
       count(*) FILTER (WHERE i.state NOT IN ('closed', 'closed-unrecovered')) AS open,
       count(*) FILTER (WHERE i.state = 'closed-unrecovered') AS "not recovered"
FROM incident i WHERE i.detected_at >= $1 AND i.detected_at < $2 GROUP BY i.trigger ORDER BY i.trigger
"""
_RULES = """
SELECT rule_version AS "rule version", min(decided_at) AS since, count(*) AS decisions
FROM decision WHERE decided_at >= $1 AND decided_at < $2 GROUP BY rule_version ORDER BY since, rule_version
"""


async def report(session: ReadSession, year: Year, calendar: FederalCalendar, *, now: datetime) -> YearlyReport:
    """The report of this year as things stand now."""
    today = policy.agency_day(now)
    against = await proofs.newest(session)
    return YearlyReport(
        year=year.number,
        period=year.period,
        first_day=year.first,
        last_day=year.last,
        counted_on=today,
        complete=today > year.last,
        tree_size=against.size,
        root_hash=b64(against.root),
        statement=against.statement,
        sections=[*await _of_individuals(session, year, calendar, today), *await _of_disclosures(session, year, today)],
    )


async def _of_individuals(
    session: ReadSession, year: Year, calendar: FederalCalendar, today: date
) -> Iterable[Section]:
    start, end = _bounds(year)
    requests = [_request(row) for row in await _rows(session, _REQUESTS, start, year.last)]
    limits = [Limit(**dict(row)) for row in await _rows(session, _LIMITS, year.first, year.last)]
    reviews = await _rows(session, _REVIEWS, start, end, year.first, year.last)
    columns = ("kind", "asked", "reversed", "reversed in part", "upheld", "statements of disagreement")
    law = "5 U.S.C. 552a(d)(3), (d)(4)"
    return (
        yearly.of_requests(year, requests),
        yearly.of_days(year, requests, calendar),
        yearly.of_limits(limits, today),
        yearly.counted("reviews", "Reviews and statements of disagreement", law, columns, map(_plain, reviews)),
        yearly.of_long_reviews(limits, today, calendar),
    )


async def _of_disclosures(session: ReadSession, year: Year, today: date) -> Iterable[Section]:
    start, end = _bounds(year)
    by_basis = [_titled(_plain(row)) for row in await _rows(session, _BY_BASIS, start, end)]
    tables: Sequence[tuple[str, str, str, Sequence[str], Iterable[Mapping[str, Value]]]] = (
        ("disclosures", "Disclosures by basis", "5 U.S.C. 552a(b), (c)",
         ("basis", "title", "asked", "allow", "deny", "undecided", "accounted", "records", "not accounted"), by_basis),
        ("recipients", "Accounted disclosures by recipient, and what became of them", "5 U.S.C. 552a(c)(1)",
         ("kind of recipient", "disclosures", "went", "refused", "expired", "awaited"),
         map(_plain, await _rows(session, _TO_WHOM, start, end))),
        ("told", "Persons and prior recipients to be told", "5 U.S.C. 552a(b)(8), (c)(4), (d)(4)",
         ("kind", "notices", "received", "sent", "due", "late", "moot"),
         map(_plain, await _rows(session, _TOLD, start, end, today))),
        ("incidents", "Incidents by what happened; suspected ones count", "OMB M-17-12; DEEOIC bulletin, item 13",
         ("trigger", "incidents", "suspected", "told late", "people estimated", "people found", "open", "not recovered"),
         map(_plain, await _rows(session, _INCIDENTS, start, end))),
        ("rules", "Rules that were decided under", "5 U.S.C. 552a(e)(4)", ("rule version", "since", "decisions"),
         map(_plain, await _rows(session, _RULES, start, end))),
    )  # fmt: skip
    return [yearly.counted(*table) for table in tables]


async def _rows(session: ReadSession, sql: str, *values: object) -> list[dict[str, Any]]:
    return [dict(row) for row in await fetch_all(session, sql, *values)]


def _bounds(year: Year) -> tuple[datetime, datetime]:
    """The moment at which the year begins at the agency's seat, and the one at which it is over."""
    return datetime.combine(year.first, time(), policy.AGENCY_TIME).astimezone(UTC), policy.end_of_day(year.last)


def _request(row: Mapping[str, Any]) -> Request:
    """Whichever came first counts: a request that was decided and withdrawn during its review was decided."""
    decided, ended = row["decided_at"], row["ended_at"]
    if decided is not None and (ended is None or decided <= ended):
        return Request(row["kind"], row["received_on"], policy.agency_day(decided), row["outcome"])
    return Request(row["kind"], row["received_on"], policy.agency_day(ended) if ended else None, row["to_state"])


def _plain(row: Mapping[str, Any]) -> dict[str, Value]:
    """Moments as the day at the agency's seat."""
    return {
        name: policy.agency_day(value).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _titled(row: dict[str, Value]) -> dict[str, Value]:
    basis = str(row["basis"])
    rules = rulebook.current(rulebook.system_of(basis))
    known = rules.bases.get(basis) or rules.refused.get(basis)
    return {"title": known.title if known else None, **row}
