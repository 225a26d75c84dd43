"""docs/load.md, from what was measured."""

from collections.abc import Mapping

from muniment.load.active import Active
from muniment.load.growth import FLAT, LAST, RATE, Length, Point, growth
from muniment.load.idle import Idle
from muniment.load.synapse import Compared, Side

TIMES_AIM = 100
PART_AIM = 1 / 20


TITLES = (
    "Idle connections",
    "Active chats",
    "Two gateways on Kafka and Redis",
    "More sessions",
    "Longer sessions",
    "Beside Matrix Synapse",
)
TWO = (
    "Each customer is at one, their employee at the other; the relay carries every entry to Kafka on the same processors meanwhile.",
)
_MARK = "\n## "
HEAD = """# Load

Written by `make load`, and the last section by `make compare`, which CI leaves out. The driver is the project's own: a process
beside the gateway on the same processors, so its share is part of every figure here. It plays real dialogues, keeps to the
loopback interface and ends by itself.
"""


def merged(before: str, measured: Mapping[str, list[str]], *, machine: str, date: str) -> str:
    """The page with these sections anew; those that were not measured now stay as they were.

    Raises:
        ValueError: a section has no place on the page.
    """
    if unknown := measured.keys() - set(TITLES):
        raise ValueError(f"the page has no section {min(unknown)}")
    sections = dict(_section(text) for text in before.split(_MARK)[1:])
    for title, lines in measured.items():
        sections[title] = "\n".join(["", f"{date}; {machine}.", "", *lines])
    return HEAD + "".join(f"{_MARK}{title}\n{sections[title].rstrip()}\n" for title in TITLES if title in sections)


def _section(text: str) -> tuple[str, str]:
    title, _, body = text.partition("\n")
    return title, body


def _table(head: str, rows: list[str]) -> list[str]:
    return ["", head, "|" + "---|" * (head.count("|") - 1), *rows]


def idle_lines(found: list[Idle]) -> list[str]:
    rows = [
        f"| {one.name} | {one.opened:,} | {one.per_second:,.0f}/s | {one.each_kib:.1f} KiB | {100 * one.cpu:.1f}% of one "
        f"core | {one.heartbeats:,} |"
        for one in found
    ]
    return [
        "Each is a customer's, with an opened session. Memory is what the gateway's process has more of in RAM than before the",
        "first of them, divided by their number; it includes the session and, where it is served, the employee's part. The aim is",
        "2,000 on two processors. Sockets are opened with their sessions, which is a write each; streams find them there.",
        *_table(
            "| connections | open to the end | opened | memory of each | CPU while nothing is said | heartbeats |", rows
        ),
    ]


def active_lines(found: Active) -> list[str]:
    one = found
    row = (
        f"| {one.sessions} chats | {one.messages:,.0f}/s | {one.rate:,.0f}/s | {_both(one.ack_ms)} | "
        f"{_both(one.delivery_ms)} | {one.cpu_ms:.3f} ms |"
    )
    return [
        "A customer and an employee in each, on a connection each; all of them talk, and each says the next thing when the last one",
        "is acknowledged. The times are taken at half of that rate.",
        *_table(
            "| | acknowledged and delivered | rate of the times | acknowledged, p50 / p99 | delivered, p50 / p99 | gateway's CPU for a "
            "message |",
            [row],
        ),
    ]


def sessions_lines(found: list[Point]) -> list[str]:
    return [
        f"The same {RATE:,.0f} messages a second, spread over more and more sessions. {_verdict(found)}",
        *_points("active sessions", found),
    ]


def length_lines(found: Length) -> list[str]:
    rows = [f"| {one.size:,} | {one.ms:.1f} ms | {one.first_ms:.1f} ms |" for one in found.returns]
    return [
        (
            f"Also at {RATE:,.0f} messages a second. {_verdict(found.points)} A message that was said takes "
            f"{found.bytes_each:,.0f} bytes of the gateway's memory while its session goes on."
        ),
        *_points("entries before", found.points),
        "",
        f"Coming back on a new connection for the last {LAST} entries, until the last of them is there (median):",
        *_table("| entries of the session | in hand | in a process that never saw it |", rows),
    ]


def _points(name: str, points: list[Point]) -> list[str]:
    rows = [f"| {one.size:,} | {one.cpu_ms:.3f} ms | {one.ack_p99_ms:.1f} ms |" for one in points]
    return _table(f"| {name} | gateway's CPU for a message | acknowledged, p99 |", rows)


def _verdict(points: list[Point]) -> str:
    grown = growth([point.cpu_ms for point in points])
    said = "that is flat" if grown <= FLAT else "that is not flat"
    return f"The dearest message cost {grown:.2f} times the first ones; up to {FLAT} counts as noise, so {said}."


def compared_lines(one: Compared) -> list[str]:

    def row(name: str, side: Side) -> str:
        return f"| {name} | {side.messages:,.0f}/s | {_both(side.saturated_ms)} | {_both(side.delivery_ms)} |"

    rows = [
        row("Muniment", one.ours),
        row(f"Synapse {one.version}", one.theirs),
        f"| ratio | {one.times_messages:.0f} times (aim {TIMES_AIM}) | | p99: {one.part_of_p99:.3f} (aim {PART_AIM:.2f}) |",
    ]
    return [
        f"{one.rooms} rooms of two on the same machine and the same PostgreSQL, in the same run: one sends, the other hears (by long",
        (
            "polling there, over a socket here), each sender going on when the last message was acknowledged; then "
            f"{one.rate:.0f} messages a"
        ),
        "second over all rooms. Both do what their defaults say of durability; Synapse is one process with its rate limits lifted and",
        "without federation traffic, presence, push and media.",
        *_table(
            "| | messages a second | send to receive then, p50 / p99 | "
            f"send to receive at {one.rate:.0f}/s, p50 / p99 |",
            rows,
        ),
        "",
        "They are not the same kind of thing. Synapse signs every message as an event of a graph that other homeservers can join,",
        "resolves the room's state there and checks its rules of authorisation against it; Muniment numbers entries in one database,",
        "seals what they say of a person and chains their digests. Who needs federation gets it from Synapse and not from Muniment. Synapse",
        "is under the AGPL: it is installed for the comparison into a temporary environment, talked to over HTTP, and removed.",
    ]


def _both(found: dict[str, float]) -> str:
    return f"{found['p50']:.1f} / {found['p99']:.1f} ms"
