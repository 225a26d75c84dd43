"""The database on the hot path: one call stores a batch of entries, a few reads bring a session back. asyncpg, no mapper."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chat_gateway.drafts import Draft, SessionState
from chat_gateway.model import Entry, Kind, Opening, Participant, Receipt, place_of
from chat_gateway.publishing import EntryHeaders
from chat_gateway.rows import arguments, json_of, participant_place, turned
from chat_gateway.settings import ChatGatewaySettings
from common.clock import rfc3339
from common.contracts.chat import PUBLIC
from common.errors import NotFoundError
from common.protection.events import unpacked
from common.protection.keyring import Keyring
from common.protection.service_keys import ServiceKeys
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
_APPEND_TURNS = "SELECT append_turns($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
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
_STANDING = """
SELECT s.status, EXISTS (SELECT FROM participant p WHERE p.session_id = s.id AND p.who = ANY($2::bytea[])) AS takes_part
FROM chat_session s WHERE s.id = $1
"""
_STEP = "SELECT step FROM placement WHERE session_id = $1 AND rerouted_at > queued_at"
_STANDING_OF_EMPLOYEE = """
SELECT coalesce(array_agg(DISTINCT p.office) FILTER (WHERE p.role IN ('agent', 'supervisor')), '{}') AS offices,
    coalesce(bool_or(p.role IN ('agent', 'supervisor') AND p.who = ANY($2::bytea[])), false) AS takes_part
FROM chat_session s LEFT JOIN participant p ON p.session_id = s.id WHERE s.id = $1 GROUP BY s.id
"""
_RECEIPTS = """
SELECT DISTINCT ON (participant_id, kind) participant_id, kind, up_to, at FROM receipt WHERE session_id = $1
ORDER BY participant_id, kind, up_to DESC
"""
_PII = b',"pii":{"key":"'


@dataclass(frozen=True, slots=True)
class Standing:
    """Attributes:
    waiting: whether the session waits for an employee. takes_part: whether the account is a participant.
    """

    waiting: bool
    takes_part: bool


@dataclass(frozen=True, slots=True)
class EmployeeStanding:
    """Attributes:
    takes_part: whether the account is an employee who had the session at some time.
    offices: of all employees who did.
    """

    takes_part: bool
    offices: frozenset[str]


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
        by_customer = read["role"] in PUBLIC
        if "pii" not in read:
            return Entry(self.kind, self.entry_id, receipt, by_customer, read["participant_id"], self.value[:-1])
        pii = state.data_key.open(unpacked(read["pii"]["sealed"]), place_of(self.kind, state.key, self.seq))
        receipt.salt = orjson.loads(pii)["salt"]
        # No text of an entry can hold these bytes: a quotation mark in a text is escaped.
        cut = self.value.rindex(_PII)
        head, sealed = self.value[:cut], self.value[cut + len(b',"pii":') : -1]
        return Entry(self.kind, self.entry_id, receipt, by_customer, read["participant_id"], head, sealed, pii)


class Journal:
    """Args:
    settings: `database_url` is used, and for how long silence is borne.
    keyring: opens the keys of stored sessions.
    service_keys: for the blind indexes by which accounts are found.
    """

    def __init__(self, settings: ChatGatewaySettings, keyring: Keyring, service_keys: ServiceKeys) -> None:
        self._keyring = keyring
        self._patience = settings.patience
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
            keys = await self._service_keys.ready()
            values = arguments(drafts, self._headers, keys)
            turning = [turned(draft, self._patience, keys) for draft in drafts if draft.turned]
            if turning:
                lost = await connection.fetchval(_APPEND_TURNS, *values, json_of(turning), timeout=SECONDS)
            else:
                lost = await connection.fetchval(_APPEND, *values, timeout=SECONDS)
            return set(lost)
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
            opened = state.data_key.open(row["sealed"], participant_place(str(row["id"])))
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

    async def standing(self, session_id: UUID, account_id: str) -> Standing | None:
        """How an account stands to a session, by one question whatever the answer; None when there is no such session.

        Asked before a session is read: reading it takes longer than finding none, and says that it is there (S2-045).
        """
        keys = await self._service_keys.ready()
        rows = await self._fetch(_STANDING, session_id, keys.blinds("account", account_id))
        return Standing(rows[0]["status"] == "waiting", rows[0]["takes_part"]) if rows else None

    async def step_of(self, session_id: UUID) -> int:
        """How many steps for too long a wait were made for a session that waits."""
        rows = await self._fetch(_STEP, session_id)
        return rows[0]["step"] if rows else 0

    async def standing_of_employee(self, session_id: UUID, account_id: str) -> EmployeeStanding | None:
        """How an employee stands to a session, by one question; None when there is no such session."""
        keys = await self._service_keys.ready()
        rows = await self._fetch(_STANDING_OF_EMPLOYEE, session_id, keys.blinds("account", account_id))
        return EmployeeStanding(rows[0]["takes_part"], frozenset(rows[0]["offices"])) if rows else None

    async def receipts(self, session_id: UUID) -> list[tuple[str, str, int, datetime]]:
        """How far each participant received and read a session: their id, the kind, the number, and since when."""
        rows = await self._fetch(_RECEIPTS, session_id)
        return [(str(r["participant_id"]), r["kind"], r["up_to"], r["at"]) for r in rows]

    async def sessions_of(self, account_id: str) -> list[UUID]:
        """The sessions that this account opened."""
        keys = await self._service_keys.ready()
        return [row["id"] for row in await self._fetch(_OF_ACCOUNT, keys.blinds("account", account_id))]

    async def opened_as(self, account_id: str, client_id: str) -> UUID | None:
        """The session that this account opened under this client id."""
        keys = await self._service_keys.ready()
        rows = await self._fetch(_OPENED, keys.blinds("account", account_id), client_id)
        return rows[0]["id"] if rows else None

    async def account(self, account_id: str) -> bytes:
        """The blind index of an account, as it is written now."""
        return (await self._service_keys.ready()).blind("account", account_id)

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
