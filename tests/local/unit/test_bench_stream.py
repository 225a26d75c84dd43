"""What the benchmark of the consumers feeds them is what the services would tell."""

from itertools import groupby

import orjson

from common.contracts.chat import CHAT_EVENTS, EMPTY_DIGEST, SessionEntry, covered, running_digest
from common.contracts.envelope import decode
from common.contracts.transcripts import TRANSCRIPT_EVENTS
from common.testing import MemoryKeyring
from muniment.bench import stream

KEYRING = MemoryKeyring()
ENTRIES = stream.MESSAGES + 3


def test_sessions_take_turns_and_each_is_whole_with_the_digests_that_follow() -> None:
    records = stream.chat([KEYRING.issue() for _ in range(130)])
    assert len(records) == 130 * ENTRIES
    assert len({record.key for record in records[:50]}) == 50
    by_session = groupby(sorted(records, key=lambda r: r.key), key=lambda r: r.key)  # sorting keeps the order of equals
    for _, entries in by_session:
        digest, found = EMPTY_DIGEST, [decode(record, CHAT_EVENTS).data for record in entries]
        for seq, (entry, record) in enumerate(
            zip(found, (e for e in records if e.key == found[0].key), strict=True), 1
        ):
            assert isinstance(entry, SessionEntry)
            content = orjson.loads(record.value)
            digest = running_digest(digest, covered(content))
            assert (entry.seq, entry.digest) == (seq, digest)
        assert found[-1].event_type == "muniment.chat.session.closed.v1"


def test_sealed_transcripts_are_distinct() -> None:
    facts = [decode(record, TRANSCRIPT_EVENTS).data for record in stream.transcripts_closed(20)]
    assert len({fact.key for fact in facts}) == 20
