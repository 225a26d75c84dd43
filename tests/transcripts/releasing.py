"""A release desk: layers, grants as disclosure signs them, and the copies that they let out."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
from joserfc.jwk import ECKey

from common.contracts.disclosure import RELEASE_EVENTS, DisclosureReleased
from common.contracts.envelope import Envelope, EventData, decode, encode
from common.ids import new_id
from common.messaging.broker import ReceivedRecord, Record
from tests.plugins.grants import claims_of, sign
from tests.transcripts.conversations import KEYRING, Conversation
from tests.transcripts.desk import Desk
from transcripts.app import make_subjects

NAME, SSN, SISTER = "Quirina Telltale", "219-09-9999", "Wilhelmina Zebra"
TEXTS = (
    f"I am {NAME}, my number is {SSN}, and my cheque did not come",
    "Let me look, one moment",
    f"My sister {SISTER} wrote to you too",
    f"Thank you, Ms. Telltale. I noted {SISTER.split(maxsplit=1)[0]} as well",
    "My wages as you have them from the tax office are 31,112",
    "That is what we have",
)


@dataclass
class ReleaseDesk:
    """Args:
    key: what grants are signed with.
    """

    desk: Desk
    key: ECKey
    claims: dict[str, Any] = field(default_factory=dict)

    async def kept(self, texts: tuple[str, ...] = TEXTS) -> str:
        """A sealed transcript; gives its id."""
        [transcript_id] = await self.desk.keep(Conversation(texts=texts))
        return transcript_id

    def grant(self, *transcripts: str, typ: str = "release-grant+jwt", key: ECKey | None = None, **changes: Any) -> str:
        """A signed grant for these records; `claims` keeps what it says."""
        self.claims = claims_of("transcripts", *transcripts, now=self.desk.store.clock.now(), **changes)
        return sign(self.claims, key or self.key, typ=typ)

    async def post(
        self, path: str, body: Any = None, *, role: str = "privacy_officer", sub: str = ""
    ) -> httpx.Response:
        headers = self.desk.issuer.headers(role, sub=sub or f"{role}-1") | {"Idempotency-Key": str(uuid4())}
        return await self.desk.client.post(f"/v1{path}", json=body, headers=headers)

    async def redeem(self, token: str, **who: str) -> httpx.Response:
        return await self.post("/releases", {"grant": token}, **who)

    async def copy(self, transcript_id: str, grant_id: str = "", *, sub: str = "privacy_officer-1") -> httpx.Response:
        path = f"/v1/releases/{grant_id or self.claims['jti']}/copies/{transcript_id}"
        return await self.desk.client.get(path, headers=self.desk.issuer.headers("privacy_officer", sub=sub))

    async def layer(self, transcript_id: str, name: str = "redacted") -> dict[str, Any]:
        headers = self.desk.issuer.headers("privacy_officer")
        answer = await self.desk.client.get(f"/v1/transcripts/{transcript_id}/layers/{name}", headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def open(self, transcript_id: str, name: str = "redacted", **changes: Any) -> dict[str, Any]:
        """A layer for others that was searched with what is known of the people; gives it as it is read."""
        given, family = NAME.split()
        sister, name_of_hers = SISTER.split()
        body = {
            "name": name,
            "audience": "others",
            "customer": {"given": [given], "family": family},
            "others": [{"given": [sister], "family": name_of_hers}],
        }
        opened = await self.post(f"/transcripts/{transcript_id}/layers", body | changes)
        assert opened.status_code == 201, opened.text
        return await self.layer(transcript_id, name)

    async def settle(
        self, transcript_id: str, name: str = "redacted", *, labels: dict[int, str] | None = None, keep: str = ""
    ) -> httpx.Response:
        """Take every finding out but those of a kind to keep."""
        spans = (await self.layer(transcript_id, name))["spans"]
        decisions = [
            {
                "seq": s["seq"], "start": s["start"], "end": s["end"], "kind": s["kind"],
                "decision": "keep" if s["kind"] == keep else "redact", "reason": "decided" if s["kind"] == keep else "",
            }
            for s in spans
        ]  # fmt: skip
        body = {"decisions": decisions, "labels": [{"seq": n, "element": e} for n, e in (labels or {}).items()]}
        return await self.post(f"/transcripts/{transcript_id}/layers/{name}/decisions", body)

    async def reviewed(self, transcript_id: str, name: str = "redacted", *, keep: str = "", **labels: str) -> None:
        """A layer with everything found taken out, confirmed; `labels`: seq_3="benefits"."""
        await self.open(transcript_id, name)
        told = {int(seq.removeprefix("seq_")): element for seq, element in labels.items()}
        settled = await self.settle(transcript_id, name, labels=told, keep=keep)
        assert settled.status_code == 201, settled.text
        done = await self.post(f"/transcripts/{transcript_id}/layers/{name}/review")
        assert done.status_code == 201, done.text

    @property
    def grant_id(self) -> UUID:
        return UUID(self.claims["jti"])


async def told(releases: ReleaseDesk) -> list[DisclosureReleased]:
    rows = await releases.desk.store.rows(
        "SELECT topic, key, value, headers FROM outbox WHERE topic = 'disclosure.released' ORDER BY position"
    )
    records = [Record(r["topic"], r["key"], r["value"], orjson.loads(r["headers"])) for r in rows]
    return [decode(record, RELEASE_EVENTS).data for record in records]  # type: ignore[misc]


async def hear(releases: ReleaseDesk, *facts: EventData) -> None:
    """The worker hears these."""
    store = releases.desk.store
    by_topic = {s.topics[0]: s for s in make_subjects(store.settings, store.clock, KEYRING)}
    for n, fact in enumerate(facts):
        record = encode(Envelope(new_id(), fact.event_type, "/muniment/disclosure", fact.key, store.clock.now(), fact))
        received = ReceivedRecord(record.topic, 0, n, record.key, record.value, dict(record.headers))
        await store.consumer_of(by_topic[record.topic]).handle([received])
