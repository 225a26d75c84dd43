"""Witness: a service holds the heads that the others signed, and says at once when one cannot be true.

Whoever can rewrite a service's trail with its tree and its heads cannot rewrite what another service holds. The holder checks
each head when it comes: signed by the service's own key, not smaller than the one before, not another root at the same
size, and proven to be a continuation (the event carries the proof). What fails is kept too, as evidence, with its
verdict, and is an alarm: a metric, a line in the log, an entry in the holder's own trail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal, cast

from prometheus_client import Counter

from common.audit import merkle
from common.audit.heads import Head, HeadKeys, UnprovenHeadError, unb64
from common.audit.recording import AuditEvent, record
from common.auth import Principal
from common.clock import Clock
from common.contracts.audit import AUDIT_EVENTS, AuditHeadSigned
from common.contracts.envelope import Envelope, EventData
from common.database import WriteSession, fetch_all
from common.messaging.consumer import Subject
from common.telemetry import get_logger

Verdict = Literal["first", "consistent", "again", "gap", "unproven", "equivocation", "rolled_back", "inconsistent"]

ALARMING: frozenset[Verdict] = frozenset({"gap", "unproven", "equivocation", "rolled_back", "inconsistent"})
BASES: tuple[Verdict, ...] = ("first", "consistent", "gap")
"""A head with one of these verdicts is what the next one must continue."""

ACTION = "audit.witness.alarm"
ALARMS = Counter(
    "muniment_audit_alarms_total", "Heads of another service that cannot be true, by verdict", ["of", "verdict"]
)

_BASE = """
SELECT tree_size, root FROM audit_witness WHERE service = $1 AND verdict = ANY($2::text[])
ORDER BY tree_size DESC, position DESC LIMIT 1
"""
_AT_SIZES = """
SELECT tree_size, root FROM audit_witness
WHERE service = $1 AND tree_size = ANY($2::bigint[]) AND verdict = ANY($3::text[]) ORDER BY position
"""
_HOLD = """
INSERT INTO audit_witness (service, tree_size, root, signed_at, statement, verdict, seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (statement, verdict) DO NOTHING RETURNING true
"""

log = get_logger("audit")


@dataclass(frozen=True, slots=True)
class Held:
    """What the witness knows of one service: the newest head it relies on, and the roots it holds, by size."""

    size: int = 0
    root: bytes = b""
    roots: Mapping[int, bytes] | None = None


def subject(service: str, keys: str, clock: Clock) -> Subject:
    """What a worker hears to be a witness of all services but its own.

    Args:
        keys: the file of public keys (`MUNIMENT_AUDIT_KEYS`); read again for each batch, so that a new key needs no restart.
    """
    return Subject(
        group=f"{service}.audit_witness",
        topics=(AuditHeadSigned.topic,),
        kinds=AUDIT_EVENTS,
        handler=partial(hold, witness=service, keys=keys, clock=clock),
    )


async def hold(
    session: WriteSession, envelopes: Sequence[Envelope[EventData]], *, witness: str, keys: str, clock: Clock
) -> None:
    """Judge these heads in their order, and keep them.

    Raises:
        HeadKeyError: there is no set of keys to judge them with.
    """
    trusted = HeadKeys.read(keys)
    facts = [cast("AuditHeadSigned", one.data) for one in envelopes]
    for service in dict.fromkeys(fact.service for fact in facts if fact.service != witness):
        mine = [fact for fact in facts if fact.service == service]
        held = await _known(session, service, [fact.tree_size for fact in mine])
        for fact in mine:
            verdict = judge(fact, held, trusted)
            held = _after(held, fact, verdict)
            await _keep(session, fact, verdict, witness=witness, now=clock.now())


def judge(fact: AuditHeadSigned, held: Held, keys: HeadKeys) -> Verdict:
    """Whether this head can stand beside what is held."""
    try:
        head, path = keys.check(fact.statement), [unb64(one) for one in fact.consistency_path]
        if head != Head(fact.service, fact.tree_size, unb64(fact.root_hash), fact.signed_at):
            return "unproven"
    except (UnprovenHeadError, ValueError):
        return "unproven"
    known = (held.roots or {}).get(head.tree_size)
    if known is not None:
        return "again" if known == head.root else "equivocation"
    if held.size == 0 or head.tree_size < held.size:
        return "rolled_back" if held.size else "first"
    if fact.previous_size != held.size:
        return "gap"
    return "consistent" if merkle.extends(held.size, held.root, head.tree_size, head.root, path) else "inconsistent"


async def _known(session: WriteSession, service: str, sizes: Sequence[int]) -> Held:
    base = await fetch_all(session, _BASE, service, list(BASES))
    if not base:
        return Held(roots={})
    rows = await fetch_all(session, _AT_SIZES, service, list(sizes), list(BASES))
    roots = {int(row["tree_size"]): bytes(row["root"]) for row in reversed(rows)}
    size, root = int(base[0]["tree_size"]), bytes(base[0]["root"])
    return Held(size, root, {size: root} | roots)


def _after(held: Held, fact: AuditHeadSigned, verdict: Verdict) -> Held:
    if verdict not in BASES:
        return held
    root = unb64(fact.root_hash)
    return Held(fact.tree_size, root, {**(held.roots or {}), fact.tree_size: root})


async def _keep(session: WriteSession, fact: AuditHeadSigned, verdict: Verdict, *, witness: str, now: datetime) -> None:
    try:
        root = unb64(fact.root_hash)
    except ValueError:
        root = b""
    if verdict != "again":
        row = (fact.service, fact.tree_size, root, fact.signed_at, fact.statement, verdict, now)
        await fetch_all(session, _HOLD, *row)
    if verdict in ALARMING:
        ALARMS.labels(fact.service, verdict).inc()
        log.error("audit.witness_alarm", of=fact.service, tree_size=fact.tree_size, verdict=verdict)
        event = AuditEvent(
            Principal(f"service:{witness}", frozenset()), "worker", ACTION, "refused",
            record_ids=[f"{fact.service}:{fact.tree_size}"], fields=[verdict],
        )  # fmt: skip
        await record(session, event, now=now)
