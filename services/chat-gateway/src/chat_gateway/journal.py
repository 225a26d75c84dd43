"""The database on the hot path: one call stores a batch of entries, a few reads bring a session back. asyncpg, no mapper."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chat_gateway.drafts import Draft, SessionState
from chat_gateway.model import Entry, Kind, Opening, Participant, Receipt, place_of
from chat_gateway.publishing import EntryHeaders, action_record
from common.clock import rfc3339
from common.errors import NotFoundError
from common.protection.events import unpacked
from common.protection.keyring import Keyring
from common.protection.service_keys import ColumnKeys, ServiceKeys
from common.settings import ServiceSettings
from common.telemetry import current_traceparent

READERS = 4
SECONDS = 10.0
"""Longest wait for one call; after it the outcome of an append is not known."""

_LOST = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)

_APPEND = "SELECT append_entries($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_ENTRIES = (
    "SELECT seq, kind, entry_id, value FROM session_entry WHERE session_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"
)
_LAST = """
SELECT w.id, (SELECT max(e.seq) FROM session_entry e WHERE e.session_id = w.id) AS seq FROM unnest($1::uuid[]) AS w (id)
"""
_SESSION = """
SELECT key_id, topic, notice_version, notice_digest, notice_language, notice_acknowledged_at, identity_assurance,
    authenticator_assurance, authenticated_at FROM chat_session WHERE id = $1
"""
_PARTICIPANTS = """
SELECT id, role, sealed, joined_at, office, region FROM participant WHERE session_id = $1
"""
_OF_ACCOUNT = "SELECT id FROM chat_session WHERE account = ANY($1::bytea[])"
_OPENED = "SELECT id FROM chat_session WHERE account = ANY($1::bytea[]) AND client_id = $2"
_PII = b',"pii":{"key":"'


class OutOfReachError(ConnectionError):
    """The database cannot be reached, or what became of a transaction is not known."""


class RefusedError(Exception):
    """The database refused what was asked and stored nothing of it.

    Attributes:
        passing: whether the same may succeed when asked again (a deadlock, for one).
    """

    def __init__(self, name: str, *, passing: bool) -> None:
        super().__init__(name)
        self.passing = passing


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A row as it stands; it becomes an `Entry` when the digest before it and the session's key are known."""

    seq: int
    kind: Kind
    entry_id: str
    value: bytes

    def follow(self, previous: str, state: SessionState) -> Entry:
        """Raises: KeyDestroyedError: what was said in the session was destroyed."""
        read = orjson.loads(self.value)
        receipt = Receipt(self.seq, read["at"], read["digest"], previous)
        if "pii" not in read:
            return Entry(self.kind, self.entry_id, receipt, self.value[:-1])
        pii = state.data_key.open(unpacked(read["pii"]["sealed"]), place_of(self.kind, state.key, self.seq))
        receipt.salt = orjson.loads(pii)["salt"]
        # No text of an entry can hold these bytes: a quotation mark in a text is escaped.
        cut = self.value.rindex(_PII)
        return Entry(self.kind, self.entry_id, receipt, self.value[:cut], self.value[cut + len(b',"pii":') : -1], pii)


class Journal:
    """Args:
    settings: `database_url` is used.
    keyring: opens the keys of stored sessions.
    service_keys: for the blind indexes by which accounts are found.
    """

    def __init__(self, settings: ServiceSettings, keyring: Keyring, service_keys: ServiceKeys) -> None:
        self._keyring = keyring
        self._service_keys = service_keys
        self._url = settings.database_url.get_secret_value()
        self._writer: asyncpg.Connection[asyncpg.Record] | None = None
        self._readers: asyncpg.Pool[asyncpg.Record] | None = None
        self._headers = EntryHeaders("")

    async def close(self) -> None:
        if self._writer is not None:
            self._drop_writer()
        if self._readers is not None:
            with contextlib.suppress(*_LOST):
                await asyncio.wait_for(self._readers.close(), 2)

    async def append(self, drafts: Sequence[Draft]) -> set[UUID]:
        """Store what these drafts add, in one transaction and one round trip.

        Returns:
            The sessions to which somebody else had added meanwhile: nothing of their drafts was stored.

        Raises:
            OutOfReachError: whether it was stored is not known.
            RefusedError: nothing was stored.
        """
        if self._headers.traceparent != (traceparent := current_traceparent()):
            self._headers = EntryHeaders(traceparent)
        connection = self._writer
        if connection is None or connection.is_closed():
            connection = self._writer = await self._connect()
        try:
            values = _arguments(drafts, self._headers, await self._service_keys.ready())
            return set(await connection.fetchval(_APPEND, *values, timeout=SECONDS))
        except Exception as error:
            self._drop_writer()
            # A value that the driver cannot write is an InterfaceError too, and never reached the server.
            if isinstance(error, _LOST) and not isinstance(error, ValueError):
                raise OutOfReachError(type(error).__name__) from None
            passing = isinstance(error, asyncpg.TransactionRollbackError)
            raise RefusedError(type(error).__name__, passing=passing) from error

    async def entries_after(self, session_id: UUID, seq: int, limit: int) -> list[StoredEntry]:
        rows = await self._fetch(_ENTRIES, session_id, seq, limit)
        return [StoredEntry(r["seq"], Kind(r["kind"]), str(r["entry_id"]), r["value"]) for r in rows]

    async def last_seqs(self, session_ids: Sequence[UUID]) -> dict[UUID, int]:
        """The number of each session's last entry."""
        rows = await self._fetch(_LAST, list(session_ids))
        return {r["id"]: r["seq"] or 0 for r in rows}

    async def participants(self, state: SessionState) -> dict[str, Participant]:
        """Who takes part, by principal."""
        found = {}
        for row in await self._fetch(_PARTICIPANTS, state.id):
            opened = state.data_key.open(row["sealed"], _participant_place(str(row["id"])))
            who = Participant(
                id=str(row["id"]),
                role=row["role"],
                joined_at=rfc3339(row["joined_at"]),
                office=row["office"],
                region=row["region"],
                **orjson.loads(opened),
            )
            found[who.principal_id] = who
        return found

    async def load(self, session_id: UUID) -> SessionState | None:
        """A session without its entries and participants, or None when there is no such session.

        Raises:
            KeyDestroyedError: what was said in it was destroyed.
        """
        rows = await self._fetch(_SESSION, session_id)
        if not rows:
            return None
        row = rows[0]
        data_key = (await self._keyring.find([row["key_id"]])).get(row["key_id"])
        if data_key is None:
            raise NotFoundError("the session's key was never issued by this keyring")
        data_key.check()
        state = SessionState(session_id, data_key)
        state.opening = Opening(
            topic=row["topic"],
            notice_version=row["notice_version"],
            notice_digest=row["notice_digest"],
            notice_language=row["notice_language"],
            acknowledged_at=rfc3339(row["notice_acknowledged_at"]),
            identity_assurance=row["identity_assurance"],
            authenticator_assurance=row["authenticator_assurance"],
            authenticated_at=rfc3339(row["authenticated_at"]),
        )
        return state

    async def sessions_of(self, account_id: str) -> list[UUID]:
        """The sessions that this account opened."""
        keys = await self._service_keys.ready()
        return [row["id"] for row in await self._fetch(_OF_ACCOUNT, keys.blinds("account", account_id))]

    async def opened_as(self, account_id: str, client_id: str) -> UUID | None:
        """The session that this account opened under this client id."""
        keys = await self._service_keys.ready()
        rows = await self._fetch(_OPENED, keys.blinds("account", account_id), client_id)
        return rows[0]["id"] if rows else None

    async def ping(self) -> None:
        await self._fetch("SELECT 1")

    async def _fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        with _reaching():
            if self._readers is None:
                self._readers = await asyncpg.create_pool(
                    self._url, min_size=1, max_size=READERS, timeout=5, command_timeout=SECONDS, **_options("reader")
                )
            async with self._readers.acquire() as connection:
                return await connection.fetch(sql, *values)

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        with _reaching():
            return await asyncpg.connect(self._url, timeout=5, **_options("writer"))

    def _drop_writer(self) -> None:
        connection, self._writer = self._writer, None
        if connection is not None:
            connection.terminate()


@contextlib.contextmanager
def _reaching() -> Iterator[None]:
    """Whatever a server says to who connects or only reads (starting, stopping, full, closed): it is out of reach."""
    try:
        yield
    except (*_LOST, asyncpg.PostgresError) as error:
        raise OutOfReachError(type(error).__name__) from None


def _options(purpose: str) -> dict[str, Any]:
    return {
        "server_settings": {
            "application_name": f"chat_gateway {purpose}",
            "timezone": "UTC",
            "jit": "off",
            # The arrays' sizes change with every call: planning anew for each would buy nothing.
            "plan_cache_mode": "force_generic_plan",
        }
    }


def _arguments(drafts: Sequence[Draft], headers: EntryHeaders, keys: ColumnKeys) -> tuple[Any, ...]:
    """The parameters of `append_entries`: the first entry of each session in front, by session id; then the rest."""
    ordered = sorted(drafts, key=lambda draft: draft.state.id.bytes)
    rows = [(d.state, d.entries[0]) for d in ordered]
    rows += [(d.state, entry) for d in ordered if len(d.entries) > 1 for entry in d.entries[1:]]
    return (
        len(ordered),
        [s.id for s, _ in rows],
        [e.seq for _, e in rows],
        [e.entry_id for _, e in rows],
        [e.kind.value for _, e in rows],
        [e.value for _, e in rows],
        [headers.of(s.key, e) for s, e in rows],
        _json([_opened(d, keys) for d in ordered if d.opened]),
        _json([_joined(d, p, keys) for d in ordered for p in d.participants.values()]),
        _json([_closed(d, headers.traceparent) for d in ordered if d.closed]),
    )


def _json(rows: list[dict[str, Any]]) -> str | None:
    return orjson.dumps(rows).decode() if rows else None


def _participant_place(participant_id: str) -> bytes:
    return f"participant|{participant_id}".encode()


def _opened(draft: Draft, keys: ColumnKeys) -> dict[str, Any]:
    opening = draft.opened
    if opening is None:
        raise ValueError("the session does not begin here")
    facts = opening.facts
    return {
        "id": draft.state.key,
        "account": keys.blind("account", opening.participant.principal_id).hex(),
        "key_id": draft.state.data_key.text,
        "client_id": opening.entry_id,
        "topic": facts.topic,
        "notice_version": facts.notice_version,
        "notice_digest": facts.notice_digest,
        "notice_language": facts.notice_language,
        "acknowledged_at": facts.acknowledged_at,
        "identity_assurance": facts.identity_assurance,
        "authenticator_assurance": facts.authenticator_assurance,
        "authenticated_at": facts.authenticated_at,
        "at": draft.entries[0].receipt.at,
    }


def _joined(draft: Draft, who: Participant, keys: ColumnKeys) -> dict[str, Any]:
    if who.role != "customer" and not (who.pin and who.display_name):
        raise ValueError("an employee takes part under a PIN and a name (S1-035)")
    named = {"principal_id": who.principal_id, "display_name": who.display_name, "pin": who.pin}
    return {
        "id": who.id,
        "session_id": draft.state.key,
        "who": keys.blind("account", who.principal_id).hex(),
        "role": who.role,
        "sealed": draft.state.data_key.seal(orjson.dumps(named), _participant_place(who.id)).hex(),
        "office": who.office,
        "region": who.region,
        "at": who.joined_at,
    }


def _closed(draft: Draft, traceparent: str) -> dict[str, Any]:
    closing, last = draft.closed, draft.entries[-1]
    if closing is None or draft.state.opening is None:
        raise ValueError("the session does not end here")
    told = [
        action_record(
            draft.state,
            p,
            chat_topic=draft.state.opening.topic,
            closing=closing,
            at=last.receipt.at,
            traceparent=traceparent,
        )
        for p in (draft.state.participants | draft.participants).values()
        if p.role != "customer"
    ]
    return {
        "session_id": draft.state.key,
        "at": last.receipt.at,
        "reason": closing.reason,
        "seq": last.seq,
        "digest": last.receipt.digest,
        "told": [
            {"topic": r.topic, "key": r.key, "value": r.value.decode(), "headers": orjson.dumps(r.headers).decode()}
            for r in told
        ],
    }
