"""`make bench`: measure, print, and write docs/benchmarks.md with the machine and the date."""

import argparse
import asyncio
import os
import platform
import time
from pathlib import Path

import uvloop

from common.clock import SystemClock
from muniment import daemon, kafka, redis
from muniment.bench import chat, consume, decide, looks
from muniment.bench.environment import throwaway
from muniment.bench.stage import throwaway_stage
from muniment.errors import PlainError
from muniment.home import CHECKOUT, find_home
from muniment.memory import memory_of
from muniment.up import down, up

PAGE = CHECKOUT / "docs" / "benchmarks.md"
SETTLE_SECONDS = 20
MIB = 2**20


def chat_rows(found: chat.ChatFigures) -> list[str]:
    lower = min(found.echoes, found.inserts)
    return [
        "| figure | measured | ceiling in the same run | ratio | aim |",
        "|---|---|---|---|---|",
        (
            f"| chat messages acknowledged and delivered, {found.sessions} sessions | {found.messages:,.0f}/s | "
            f"{lower:,.0f}/s (echo {found.echoes:,.0f}, inserts {found.inserts:,.0f}) | "
            f"{found.of_lower_ceiling:.2f} | 0.5 |"
        ),
        (
            f"| acknowledgement at {found.half_rate:,.0f}/s, p50 / p99 | "
            f"{found.ack_ms['p50']:.1f} / {found.ack_ms['p99']:.1f} ms | | | p99 under 25 ms |"
        ),
        (
            f"| delivery at {found.half_rate:,.0f}/s, p50 / p99 | "
            f"{found.delivery_ms['p50']:.1f} / {found.delivery_ms['p99']:.1f} ms | | | |"
        ),
    ]


def consumer_rows(event_log: str, found: list[consume.Figures]) -> list[str]:
    rows = [
        "",
        f"Consumers, event log {event_log}. The ceiling is the lower of a bare consumer and a bare insert of the same rows.",
        "",
        "| consumer | topic to effect | ratio | outbox to effect | ratio | bare consumer | bare insert |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        cells = [
            f"{one.subject.package} ({one.subject.topic})",
            consume.per_second(one.from_topic),
            f"{one.ratio(one.from_topic):.2f}",
            consume.per_second(one.from_outbox),
            f"{one.ratio(one.from_outbox):.2f}",
            consume.per_second(one.bare_consumer),
            consume.per_second(one.bare_insert),
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def look_row(found: looks.LookFigures) -> str:
    return (
        f"| a look behind the door (token, permission, audit entry), p50 / p99 | {found.guarded_ms:.2f} / "
        f"{found.guarded_p99_ms:.2f} ms | {found.bare_ms:.2f} / {found.bare_p99_ms:.2f} ms without the door | "
        f"{found.cost_ms:+.2f} ms at p50 | under 1 ms |"
    )


def decide_rows(found: decide.DecideFigures) -> list[str]:
    rows = [
        f"| decisions at {one.rate}/s: answered, p50 / p99 | {one.done:,.0f}/s, {one.p50:.1f} / {one.p99:.1f} ms | "
        f"{base.done:,.0f}/s, {base.p50:.1f} / {base.p99:.1f} ms for the same call that does nothing | "
        f"{one.done / base.done:.2f} | {'500/s at p99 under 10 ms' if one.rate == decide.RATES[-1] else ''} |"
        for one, base in zip(found.decided, found.nothing, strict=True)
    ]
    last, idle = found.decided[-1], found.nothing[-1]
    rows.append(
        f"| processor time of a decision, service / PostgreSQL / driver | {last.service_ms:.2f} / {last.postgres_ms:.2f} / "
        f"{last.driver_ms:.2f} ms | {idle.service_ms:.2f} / {idle.postgres_ms:.2f} / {idle.driver_ms:.2f} ms | | |"
    )
    kept = f"{found.highest.rate}/s, p99 {found.highest.p99:.1f} ms" if found.highest else f"below {decide.RAMP[0]}/s"
    rows.append(f"| highest rate of decisions at p99 under {decide.MOST_MS:.0f} ms | {kept} | | | 500/s |")
    minutes = 1_000_000 / found.compared / 60
    return [
        *rows,
        (
            f"| past decisions compared with the rules of today | {found.compared:,.0f}/s | | | a million in five minutes "
            f"(at this speed: {minutes:.1f}) |"
        ),
    ]


def idle_memory_mib() -> float:
    """Proportional memory of the whole platform, some time after it came up.

    Raises:
        PlainError: a platform runs already: its memory would be that of what it did.
    """
    home = find_home()
    if daemon.status(home) is not None:
        raise PlainError("The platform is up: `make down` first, since its idle memory is measured too.")
    up(home, None, brief=True)
    try:
        time.sleep(SETTLE_SECONDS)
        report = daemon.status(home)
        if report is None:
            raise PlainError("The platform did not stay up: `.venv/bin/muniment logs` may say why.")
        return sum(memory_of(report["pid"], []).values()) / MIB
    finally:
        down(home)


def machine() -> str:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{cores} cores shared by platform, engines and load; {memory:.0f} GiB; {platform.system()}; "
        f"Python {platform.python_version()}; load average at the start {load:.1f}"
    )


def event_logs() -> list[str]:
    """PostgreSQL always; Kafka where its programs can be had."""
    try:
        kafka.fetch(find_home())
        redis.fetch(find_home())
    except PlainError as reason:
        print(f"Not measured on Apache Kafka: {reason}")
        return ["postgres"]
    return ["postgres", "kafka"]


def main(options: argparse.Namespace) -> int:
    lines = ["# Benchmarks", "", "Written by `make bench`. Machines are noisy: the ratios are what counts.", ""]
    lines += [f"Machine: {machine()}. Date: {SystemClock().now():%Y-%m-%d}.", ""]
    memory = idle_memory_mib()
    with throwaway() as environment:
        lines += chat_rows(asyncio.run(chat.run(environment)))
        lines.append(look_row(uvloop.run(looks.run(environment))))
        lines += decide_rows(uvloop.run(decide.run(environment)))
    lines.append(f"| idle memory of the whole platform under `make up` | {memory:.0f} MiB | | | below 900 MiB |")
    for event_log in event_logs():
        with throwaway_stage(event_log) as stage:
            lines += consumer_rows(event_log, uvloop.run(consume.run(stage)))
    text = "\n".join(lines) + "\n"
    print(text)
    if not options.print_only:
        Path(PAGE).write_text(text, encoding="utf-8")
    return 0
