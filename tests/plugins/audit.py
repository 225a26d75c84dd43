"""An audit trail with its keys, for tests of the tree, the witness and the verification."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import asyncpg
import orjson

from common import audit
from common.audit import witness
from common.audit.heads import PUBLIC_KEYS, HeadSigner, make_missing_keys
from common.audit.sequencer import Sequencer
from common.auth import Principal
from common.contracts.audit import AUDIT_EVENTS, AuditHeadSigned
from common.contracts.envelope import Envelope, EventData, decode
from common.database import Database, fetch_all
from common.ids import new_id
from common.messaging.broker import Record
from common.testing import FixedClock

ANN = Principal("ann", frozenset({"auditor"}))


@dataclass
class Trail:
    """The trail of one service, which signs and may be a witness of others.

    Attributes:
        keys: folder with the private keys and the set of public ones.
    """

    database: Database
    keys: Path
    clock: FixedClock
    service: str = "transcripts"

    def __post_init__(self) -> None:
        make_missing_keys(self.keys, ["transcripts", "retention"])

    @property
    def public(self) -> str:
        return str(self.keys / PUBLIC_KEYS)

    @property
    def signer(self) -> HeadSigner:
        return HeadSigner(self.service, str(self.keys / f"{self.service}.pem"))

    def sequencer(self, batch: int = 2000) -> Sequencer:
        return Sequencer(self.database, self.signer, self.clock, batch)

    async def write(self, count: int, *, user: str = "ann", action: str = "thing.read") -> None:
        """So many entries, each in a transaction of its own."""
        who = Principal(user, ANN.roles)
        for n in range(count):
            event = audit.AuditEvent(who, "10.0.0.7", action, "done", [f"r-{n}"], ["entries"], "audit")
            async with self.database.unit_of_work() as session:
                await audit.record(session, event, now=self.clock.now())

    async def grow(self, count: int) -> None:
        """Entries with a head over them."""
        await self.write(count)
        while await self.sequencer().round():
            pass

    async def rows(self, sql: str, *values: object) -> Sequence[asyncpg.Record]:
        async with self.database.reading() as session:
            return await fetch_all(session, sql, *values)

    async def told(self) -> list[AuditHeadSigned]:
        """The heads that went into the outbox, in their order."""
        rows = await self.rows("SELECT topic, key, value, headers FROM outbox ORDER BY position")
        records = [Record(r["topic"], r["key"], r["value"], orjson.loads(r["headers"])) for r in rows]
        return [cast("AuditHeadSigned", decode(one, AUDIT_EVENTS).data) for one in records]

    async def hold(self, *facts: AuditHeadSigned) -> None:
        """Be a witness of these heads."""
        async with self.database.unit_of_work() as session:
            envelopes: list[Envelope[EventData]] = [
                Envelope(new_id(), one.event_type, "/muniment/test", one.key, self.clock.now(), one) for one in facts
            ]
            await witness.hold(session, envelopes, witness=self.service, keys=self.public, clock=self.clock)

    async def verdicts(self) -> list[tuple[int, str]]:
        rows = await self.rows("SELECT tree_size, verdict FROM audit_witness ORDER BY position")
        return [(row["tree_size"], row["verdict"]) for row in rows]
