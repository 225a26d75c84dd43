"""A conversation through gateway and transcripts: no store shows what was said, and after its key no copy opens any more."""

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from chat_gateway.app import make_app as gateway_app
from chat_gateway.settings import ChatGatewaySettings
from common.clock import SystemClock
from common.contracts.chat import CHAT_EVENTS
from common.contracts.envelope import decode
from common.database import Database
from common.messaging.broker import ReceivedRecord, Record
from common.messaging.consumer import Consumer
from common.protection import keyring_store
from common.protection.errors import KeyDestroyedError
from common.protection.events import UnopenedError, open_events
from common.protection.key_file import FileKeyService
from common.protection.keyring import StoredKeyring
from common.testing import Issuer, MemoryBroker, client_of, serving
from muniment.__main__ import main
from muniment.chat_client import ChatClient
from tests.plugins.kit import KeyringPlace
from transcripts.app import make_app as transcripts_app
from transcripts.app import make_subjects
from transcripts.settings import TranscriptsSettings

PLANTED = ("219-09-9999", "Philomena Quist", "1961-04-17", "account-77-philomena", "pin-424242", "Wendeline Vance")
SAID = ("My number is 219-09-9999", "I am Philomena Quist, born 1961-04-17")


@dataclass
class Stage:
    """Both services on databases of their own and one keyring."""

    gateway: ChatGatewaySettings
    transcripts: TranscriptsSettings
    keyring: KeyringPlace
    folder: Path
    issuer: Issuer

    def opener(self) -> StoredKeyring:
        """A process that starts now, with the keyring as it is now."""
        service = FileKeyService(self.folder / "events.json")
        return StoredKeyring(self.keyring.users["transcripts"], service, application="test")


@pytest.fixture
async def stage(
    service_db: Callable[[str], Awaitable[str]],
    keyring_place: KeyringPlace,
    key_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    issuer = Issuer(tmp_path, SystemClock())
    for name, value in issuer.environment.items():
        monkeypatch.setenv(name, value)
    keys: dict[str, Any] = {"key_folder": str(key_folder)}
    gateway = ChatGatewaySettings(
        database_url=await service_db("chat_gateway"), keyring_url=keyring_place.users["chat_gateway"], **keys
    )
    transcripts = TranscriptsSettings(
        database_url=await service_db("transcripts"), keyring_url=keyring_place.users["transcripts"], **keys
    )
    return Stage(gateway, transcripts, keyring_place, key_folder, issuer)


async def converse(stage: Stage) -> UUID:
    customer: dict[str, Any] = {"sub": "account-77-philomena", "display_name": "Philomena Quist"}
    agent: dict[str, Any] = {"sub": "agent-9", "pin": "pin-424242", "display_name": "Wendeline Vance"}
    async with serving(gateway_app(stage.gateway), stage.gateway) as port:
        url = f"ws://127.0.0.1:{port}"
        async with (
            ChatClient(url, stage.issuer.mint("customer", **customer)) as one,
            ChatClient(url, stage.issuer.mint("agent", **agent)) as other,
        ):
            session_id = await one.open("retirement")
            await other.join(session_id)
            for text in SAID:
                await one.say(text)
                await other.say("Thank you, Philomena Quist, I noted that.")
            await one.close()
    return session_id


async def told(stage: Stage) -> list[ReceivedRecord]:
    rows = await fetch(stage.gateway, "SELECT topic, key, value, headers FROM outbox ORDER BY position")
    return [
        ReceivedRecord(r["topic"], 0, n, r["key"], r["value"], json.loads(r["headers"])) for n, r in enumerate(rows)
    ]


async def hear(stage: Stage, records: list[ReceivedRecord]) -> None:
    """Transcripts hears them, and once more the third with another content, which it sets aside."""
    third = json.loads(records[2].value)
    forged = json.dumps(third | {"role": "supervisor"}).encode()
    headers = records[2].headers | {"ce_id": str(UUID(int=7))}
    chat = [r for r in records if r.topic == "chat.message"]
    again = ReceivedRecord("chat.message", 1, 0, records[2].key, forged, headers)
    keyring, database = stage.opener(), Database(stage.transcripts, application="test")
    subjects = make_subjects(stage.transcripts, SystemClock(), keyring)
    subject = next(one for one in subjects if one.group == "transcripts.assembly")
    consumer = Consumer(subject, database=database, broker=MemoryBroker(), clock=SystemClock())
    await consumer.handle(chat[:3])
    await consumer.handle([again])
    await consumer.handle(chat[3:])
    await keyring.close()
    await database.close()


async def fetch(settings: ChatGatewaySettings | TranscriptsSettings, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


async def dump(settings: ChatGatewaySettings | TranscriptsSettings) -> str:
    """Every column of every table but the audit trail's users, with bytes as they would read."""
    tables = await fetch(
        settings, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'audit_entry'"
    )
    lines = []
    for table in tables:
        for row in await fetch(settings, f"SELECT * FROM {table['tablename']}"):
            lines += [v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in row.values()]
    return "\n".join(lines)


def spelled(value: str) -> list[str]:
    """A value as it may stand in a dump."""
    coded = value.encode()
    middle = base64.b64encode(coded[: len(coded) // 3 * 3]).decode()
    return [value, coded.hex(), middle]


async def sealed_in(stage: Stage) -> list[tuple[UUID, bytes, bytes]]:
    """Everything that lies sealed in either store: key, bytes, place."""
    found = []
    records = [Record(r.topic, r.key, r.value, r.headers) for r in await told(stage)]
    letters = await fetch(stage.transcripts, "SELECT topic, key, value, headers FROM dead_letter")
    assert len(letters) == 1
    records += [Record(r["topic"], r["key"], r["value"], json.loads(r["headers"])) for r in letters]
    for record in records:
        content = json.loads(record.value)
        if "pii" in content and record.topic == "chat.message":
            data = decode(record, CHAT_EVENTS).data
            found.append((UUID(content["pii"]["key"]), base64.b64decode(content["pii"]["sealed"]), data.place.encode()))
    people = "SELECT p.id, p.sealed, s.key_id FROM participant p JOIN chat_session s ON s.id = p.session_id"
    found += [(r["key_id"], r["sealed"], f"participant|{r['id']}".encode()) for r in await fetch(stage.gateway, people)]
    for row in await fetch(
        stage.transcripts, "SELECT session_id, seq, kind, key_id, sealed FROM entry WHERE sealed IS NOT NULL"
    ):
        kind = next(name for name in CHAT_EVENTS if name.rsplit(".", 2)[1] == row["kind"])
        found.append((row["key_id"], row["sealed"], f"{kind}|{row['session_id']}|{row['seq']}".encode()))
    return found


@pytest.mark.req("S1-092")
async def test_a_dump_shows_nobody_and_after_the_key_no_copy_opens(stage: Stage) -> None:
    session_id = await converse(stage)
    records = await told(stage)
    await hear(stage, records)
    before = {"gateway": await dump(stage.gateway), "transcripts": await dump(stage.transcripts)}
    for store, text in before.items():
        assert [value for value in PLANTED for form in spelled(value) if form in text] == [], store
    copies = await sealed_in(stage)
    keyring = stage.opener()
    keys = await keyring.find({key for key, _, _ in copies})
    opened = b"".join(keys[key].open(sealed, place) for key, sealed, place in copies).decode()
    assert [value for value in PLANTED if value not in opened] == [], "the copies hold what was said, under seal"

    (session,) = await fetch(stage.gateway, "SELECT key_id FROM chat_session")
    destroyed = await keyring_store.destroy(stage.keyring.owner, [session["key_id"]], reason="n1-47-10-1", by="officer")
    assert destroyed == {session["key_id"]}
    await keyring.honour_destroyed()
    for process in (keyring, stage.opener()):
        now = await process.find({key for key, _, _ in copies})
        for key, sealed, place in copies:
            with pytest.raises(KeyDestroyedError):
                now[key].open(sealed, place)
        with pytest.raises(UnopenedError):
            await open_events(process, [decode(records[0], CHAT_EVENTS)])
        await process.close()
    await refused_with_the_reason(stage, session_id)


async def refused_with_the_reason(stage: Stage, session_id: UUID) -> None:
    """Reading answers 410 and why; the chain proves itself all the same."""
    audit: dict[str, Any] = stage.issuer.headers("auditor") | {"Purpose-Of-Use": "audit"}
    (row,) = await fetch(stage.transcripts, "SELECT id FROM transcript")
    async with client_of(transcripts_app(stage.transcripts)) as client:
        gone = await client.get(f"/v1/transcripts/{row['id']}", headers=audit)
        assert (gone.status_code, gone.json()["reason"]) == (410, "n1-47-10-1")
        holds = (await client.get(f"/v1/transcripts/{row['id']}/verification", headers=audit)).json()
        assert (holds["holds"], holds["content_destroyed"], holds["last_seq"]) == (True, True, 7)
    async with client_of(gateway_app(stage.gateway)) as client:
        mine = stage.issuer.headers("customer", sub="account-77-philomena")
        gone = await client.get(f"/v1/sessions/{session_id}/entries", headers=mine)
        assert (gone.status_code, gone.json()["reason"]) == (410, "n1-47-10-1")


def test_no_operator_destroys_what_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A session's key is what its record is read with: it goes by the record's disposition and by nothing else."""
    with pytest.raises(SystemExit):
        main(["keys", "destroy", "--session", str(UUID(int=1)), "--reason", "n1-47-10-1"])
    assert "invalid choice: 'destroy'" in capsys.readouterr().err
