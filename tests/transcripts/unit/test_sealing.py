"""Invariant 3: a session is sealed when it is whole and nothing in it was changed, whatever the order of arrival."""

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.chat import CHAT_EVENTS, EMPTY_DIGEST, covered, running_digest
from common.contracts.envelope import decode
from common.ids import new_id
from common.protection.errors import TamperedError
from common.protection.events import packed
from tests.transcripts.conversations import BEGAN, KEYRING, Conversation, Fact, record_of
from transcripts.assembly import entries_of, is_complete
from transcripts.errors import BeyondClosingError, Disagreement, EntryConflictError
from transcripts.model import Entry, Holding, Sealed
from transcripts.opening import first_tampered, opened
from transcripts.sealing import first_misplaced, names_people, seal, verify

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
conversations = st.builds(
    Conversation,
    texts=st.lists(text, max_size=8),
    account=st.text("abc-1", min_size=1, max_size=8),
    session_id=st.uuids(),
    customer=st.uuids(),
    agent=st.uuids(),
)


def outcome(facts: list[Fact]) -> Sealed | Disagreement | None:
    """What comes of these facts arriving in this order: sealed, refused, or still open."""
    entries = entries_of([decode(record_of(fact), CHAT_EVENTS) for fact in facts])
    holding = holding_of(entries)
    if not is_complete(holding):
        return None
    return seal(holding.session_id, sorted(entries, key=lambda e: e.seq), names(entries))


def names(entries: list[Entry]) -> dict[int, bytes]:
    """What the entries that name people say of them, as far as it opens."""
    found = {}
    for entry in filter(names_people, entries):
        with suppress(TamperedError):
            found[entry.seq] = opened(entry, KEYRING.keys)
    return found


def holding_of(entries: list[Entry]) -> Holding:
    closings = [e.seq for e in entries if e.kind == "closed"]
    return Holding(entries[0].session_id, len(entries), max(e.seq for e in entries), min(closings, default=None))


def sealed_or_not(facts: list[Fact]) -> Sealed | None:
    try:
        found = outcome(facts)
    except (EntryConflictError, BeyondClosingError):
        return None
    return found if isinstance(found, Sealed) else None


@given(conversations, st.data())
def test_any_order_and_any_repetition_seal_to_the_same_transcript(
    conversation: Conversation, data: st.DataObject
) -> None:
    facts = conversation.facts()
    repeated = data.draw(st.lists(st.sampled_from(facts), max_size=6))
    shuffled = data.draw(st.permutations(facts + repeated))
    expected = outcome(facts)
    assert isinstance(expected, Sealed)
    assert outcome(shuffled) == expected
    assert expected.digest == facts[-1]["digest"]
    assert expected.last_seq == len(facts)
    assert expected.message_count == len(conversation.texts)


def _altered(fact: Fact, data: st.DataObject) -> Fact:
    """The same entry with one of its members changed."""
    # What a message says is not looked at for the seal: that it was altered shows when it is opened.
    untouched = {"_kind"} | ({"pii"} if fact["_kind"] == "posted" else set())
    name = data.draw(st.sampled_from(sorted(set(fact) - untouched)))
    changed: Any
    if name == "pii":
        other = packed(KEYRING.keys[UUID(fact["pii"]["key"])].seal(b'{"pin":"1","account_id":"1"}', b"elsewhere"))
        changed = fact["pii"] | data.draw(st.sampled_from([{"sealed": other}, {"key": str(new_id())}]))
    elif name == "notice":
        changed = fact["notice"] | {"version": "another"}
    elif isinstance(fact[name], int):
        changed = fact[name] + 1 if name == "seq" else 3 - fact[name]
    elif name in {"session_id", "entry_id", "participant_id"}:
        changed = str(new_id())
    elif name == "role":
        changed = "supervisor"
    elif name == "reason":
        changed = "shutdown"
    elif name == "at":
        changed = "2026-03-02T10:00:00.000001Z"
    elif name in {"digest", "commitment"}:
        changed = fact[name][::-1] if fact[name] != fact[name][::-1] else "0" * 64
    else:
        changed = fact[name] + "!"
    return fact | {name: changed}


@given(conversations, st.data())
def test_a_session_with_an_altered_entry_is_never_sealed(conversation: Conversation, data: st.DataObject) -> None:
    facts = conversation.facts()
    place = data.draw(st.integers(0, len(facts) - 1))
    facts[place] = _altered(facts[place], data)
    assert sealed_or_not([f for f in facts if f["session_id"] == str(conversation.session_id)]) is None


@given(conversations, st.data())
def test_a_session_with_a_dropped_entry_is_never_sealed(conversation: Conversation, data: st.DataObject) -> None:
    facts = conversation.facts()
    del facts[data.draw(st.integers(0, len(facts) - 1))]
    assert sealed_or_not(facts) is None


@given(conversations, st.data())
def test_dropping_an_entry_and_numbering_anew_is_found_out(conversation: Conversation, data: st.DataObject) -> None:
    facts = conversation.facts()
    del facts[data.draw(st.integers(0, len(facts) - 2))]
    renumbered = [fact | {"seq": seq} for seq, fact in enumerate(facts, 1)]
    assert isinstance(outcome(renumbered), Disagreement)


@given(conversations, st.data())
def test_a_session_with_an_added_entry_is_never_sealed(conversation: Conversation, data: st.DataObject) -> None:
    facts = conversation.facts()
    source = data.draw(st.sampled_from(facts[:-1]))
    added = source | {"seq": len(facts) + 1, "entry_id": str(new_id())}
    assert sealed_or_not([*facts, added]) is None
    inserted = [*facts[:-1], source | {"seq": len(facts)}, facts[-1] | {"seq": len(facts) + 1}]
    assert sealed_or_not(inserted) is None


def test_two_entries_of_one_number_that_differ_are_a_conflict_and_equal_ones_are_one() -> None:
    facts = Conversation().facts()
    other = facts[2] | {"commitment": "ab" * 32}
    assert len(entries_of([decode(record_of(f), CHAT_EVENTS) for f in (facts[2], facts[2])])) == 1
    with pytest.raises(EntryConflictError):
        entries_of([decode(record_of(f), CHAT_EVENTS) for f in (facts[2], other)])


def test_fields_that_this_reader_does_not_know_are_kept_and_covered() -> None:
    newer = Conversation()
    newer._posted = lambda n: Conversation._posted(newer, n) | {"added_later": {"of": ["some", "kind"]}}  # type: ignore[method-assign]
    found = outcome(newer.facts())
    assert isinstance(found, Sealed)
    kept = entries_of([decode(record_of(newer.facts()[2]), CHAT_EVENTS)])[0]
    assert orjson.loads(kept.canonical)["added_later"] == {"of": ["some", "kind"]}


def kept_of(conversation: Conversation) -> list[Entry]:
    return entries_of(conversation.envelopes())


def test_verifying_names_the_first_entry_that_does_not_follow() -> None:
    kept = kept_of(Conversation())
    assert verify(kept).first_wrong_seq is None
    changed = kept[3]._replace(canonical=kept[3].canonical.replace(b'"role":"agent"', b'"role":"customer"'))
    assert verify([*kept[:3], changed, *kept[4:]]).first_wrong_seq == 4
    assert verify([*kept[:2], *kept[3:]]).first_wrong_seq == 3


def test_an_entry_kept_in_another_sessions_place_is_found() -> None:
    kept = kept_of(Conversation())
    assert first_misplaced(kept) is None
    elsewhere = [e._replace(session_id=UUID(int=7)) for e in kept]
    assert first_misplaced(elsewhere) == 1


@pytest.mark.req("S1-031")
def test_a_session_without_its_opening_entry_has_no_subject_and_is_refused() -> None:
    facts = [fact for fact in Conversation().facts() if fact["_kind"] != "opened"]
    digest = EMPTY_DIGEST
    for seq, fact in enumerate(facts, 1):
        fact["seq"] = seq
        digest = running_digest(digest, covered({k: v for k, v in fact.items() if k != "_kind"}))
        fact["digest"] = digest
    assert outcome(facts) == Disagreement(UUID(facts[0]["session_id"]), "not_opened_once_at_first", 1)


def test_times_topic_office_and_parties_come_from_the_entries() -> None:
    conversation = Conversation(office="S77", chat_topic="disability", account="acc-9", pin="777")
    found = outcome(conversation.facts())
    assert isinstance(found, Sealed)
    assert (found.office, found.chat_topic, found.close_reason) == ("S77", "disability", "customer_left")
    assert found.opened_at == BEGAN + timedelta(seconds=1)
    assert found.closed_at == BEGAN + timedelta(seconds=len(conversation.facts()))
    assert [(p.kind, p.number, p.office) for p in found.parties] == [("account", "acc-9", ""), ("pin", "777", "S77")]


def test_a_message_that_was_altered_or_moved_shows_when_it_is_opened() -> None:
    kept = kept_of(Conversation())
    assert first_tampered(kept, KEYRING.keys) is None
    swapped = [*kept[:3], kept[3]._replace(sealed=kept[4].sealed), *kept[4:]]
    assert first_tampered(swapped, KEYRING.keys) == 4
    assert kept[2].sealed is not None
    flipped = kept[2]._replace(sealed=kept[2].sealed[:-1] + bytes([kept[2].sealed[-1] ^ 1]))
    assert first_tampered([*kept[:2], flipped, *kept[3:]], KEYRING.keys) == 3
    assert verify(swapped).first_wrong_seq is None, "the chain alone speaks of the commitments"


def test_another_text_under_the_right_key_is_not_what_was_committed_to() -> None:
    one, other = Conversation(), Conversation()
    other.session_id, other.key = one.session_id, one.key
    other.texts = ("Never mind", *one.texts[1:])
    mine, theirs = kept_of(one), kept_of(other)
    forged = [*mine[:2], mine[2]._replace(sealed=theirs[2].sealed), *mine[3:]]
    assert first_tampered(forged, KEYRING.keys) == 3
