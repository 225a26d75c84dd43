"""Numbering, digest and repetition, on values alone."""

from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_gateway.drafts import Draft, SessionState
from chat_gateway.errors import ClientIdReusedError, SessionClosedError, UnknownSessionError
from chat_gateway.model import (
    EVENTS,
    Close,
    Contribution,
    Entry,
    Join,
    Kind,
    Open,
    Opening,
    Participant,
    Post,
    Status,
    place_of,
)
from chat_gateway.publishing import EntryHeaders
from common.contracts.chat import EMPTY_DIGEST, Role, canonical, commitment_to, covered, running_digest
from common.contracts.envelope import encode_raw
from common.ids import new_id, new_id_text
from common.protection.errors import KeyDestroyedError, TamperedError
from common.protection.events import unpacked
from tests.chat_gateway.unit.fakes import KEYRING

AT = "2026-03-02T12:00:00.000000Z"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)


def somebody(role: Role = "customer") -> Participant:
    return Participant(new_id_text(), f"{role}-1", role, "A. Name", AT, pin="100001", office="S01", region="R1")


def opening() -> Opening:
    return Opening("retirement", "2026.1", "a" * 64, "en", AT, 2, 2, AT)


def stored(state: SessionState, *contributions: Contribution) -> list[Entry]:
    """Place these and take them as durable."""
    draft = Draft(state)
    for contribution in contributions:
        draft.place(contribution, AT)
    for entry in draft.entries:
        state.apply(entry)
    state.participants |= draft.participants
    return draft.entries


def session() -> SessionState:
    return SessionState(new_id(), KEYRING.issue())


def opened() -> tuple[SessionState, Participant]:
    state, customer = session(), somebody()
    state.opening = opening()
    stored(state, Open(customer, new_id_text(), opening()))
    return state, customer


@given(texts=st.lists(TEXTS, max_size=8))
def test_every_entry_follows_its_contract_and_the_chain_recomputes(texts: list[str]) -> None:
    state, customer = session(), somebody()
    agent = somebody("agent")
    entries = stored(
        state,
        Open(customer, new_id_text(), opening()),
        Join(agent, new_id_text()),
        *(Post(customer, new_id_text(), text) for text in texts),
        Close(agent, new_id_text(), "agent_closed"),
    )
    assert [e.seq for e in entries] == list(range(1, len(texts) + 4))
    previous = EMPTY_DIGEST
    for entry in entries:
        data = EVENTS[entry.kind].model_validate_json(entry.value)
        told = orjson.loads(entry.value)
        previous = running_digest(previous, covered(told))
        assert data.digest == previous == entry.receipt.digest
        shown = orjson.loads(entry.shown)
        assert covered(shown) == covered(told)
        assert ("pii" in shown) == ("commitment" in told) == (entry.kind is not Kind.CLOSED)
        assert "pii" not in shown or commitment_to(canonical(shown["pii"])) == told["commitment"]
        # Strictly what the contract names, so that nobody else's reader drops a field and loses the digest.
        assert orjson.loads(entry.value) == data.model_dump(mode="json", exclude_none=True)
    assert state.digest == previous
    assert state.status is Status.CLOSED


@given(text=TEXTS)
def test_the_quick_way_to_write_a_message_is_the_canonical_one(text: str) -> None:
    state, customer = opened()
    post = Post(customer, new_id_text(), text)
    entry = stored(state, post)[0]
    content = orjson.loads(entry.shown)
    assert entry.head == covered(content)[:-1] + b',"digest":"' + content["digest"].encode() + b'"'
    assert content["pii"] == {"text": text, "salt": entry.receipt.salt}
    assert entry.pii == canonical(content["pii"]) == Contribution.pii(post, entry.receipt.salt)


@given(text=TEXTS)
def test_what_is_told_holds_what_was_said_under_seal_only(text: str) -> None:
    state, customer = opened()
    first, second = stored(state, *(Post(customer, new_id_text(), text) for _ in range(2)))
    told = orjson.loads(first.value)
    assert told.keys() == orjson.loads(first.shown).keys()
    assert told["pii"].keys() == {"key", "sealed"}
    sealed = unpacked(told["pii"]["sealed"])
    assert state.data_key.open(sealed, place_of(Kind.MESSAGE, state.key, first.seq)) == first.pii
    assert told["commitment"] != orjson.loads(second.value)["commitment"], "equal texts do not look equal"
    for other in (place_of(Kind.MESSAGE, state.key, second.seq), place_of(Kind.JOINED, state.key, first.seq)):
        with pytest.raises(TamperedError):
            state.data_key.open(sealed, other)


def test_nothing_more_is_said_in_a_session_whose_key_was_destroyed() -> None:
    state, customer = opened()
    state.data_key.destroy("n1-47-10-1", datetime(2026, 3, 2, tzinfo=UTC))
    draft = Draft(state)
    with pytest.raises(KeyDestroyedError):
        draft.place(Post(customer, new_id_text(), "hello"), AT)
    assert draft.entries == []


@settings(max_examples=200)
@given(
    posts=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=30),
    cuts=st.lists(st.booleans(), min_size=30, max_size=30),
    commits=st.lists(st.booleans(), min_size=31, max_size=31),
)
def test_a_client_id_stands_for_one_entry_however_batches_fall_and_fail(
    posts: list[tuple[int, int]], cuts: list[bool], commits: list[bool]
) -> None:
    """Drafts that do not commit leave nothing behind; those that do keep one entry for each id, with its first text."""
    state, customer = opened()
    ids = [new_id_text() for _ in range(4)]
    kept: dict[str, str] = {}
    draft, tentative = Draft(state), dict[str, str]()

    def settle(*, committed: bool) -> None:
        nonlocal draft, tentative
        if committed:
            for entry in draft.entries:
                state.apply(entry)
            kept.update(tentative)
        draft, tentative = Draft(state), {}

    for (which, text), cut in zip(posts, cuts, strict=False):
        client_id, said = ids[which], f"text {text}"
        known = (kept | tentative).get(client_id)
        if known is not None and known != said:
            with pytest.raises(ClientIdReusedError):
                draft.place(Post(customer, client_id, said), AT)
        else:
            before = len(draft.entries)
            receipt = draft.place(Post(customer, client_id, said), AT)
            assert (len(draft.entries) > before) == (known is None)
            assert known is None or receipt.seq <= state.last_seq + before
            tentative[client_id] = kept.get(client_id, said)
        if cut:
            settle(committed=commits.pop())
    settle(committed=True)
    assert state.last_seq == len(state.receipts) == len(kept) + 1
    assert sorted(r.seq for r in state.receipts.values()) == list(range(1, state.last_seq + 1))


def test_a_session_is_taken_once_and_nothing_follows_its_end() -> None:
    state, customer = opened()
    first, second = somebody("agent"), somebody("agent")
    draft = Draft(state)
    draft.place(Join(first, new_id_text()), AT)
    with pytest.raises(UnknownSessionError):
        draft.place(Join(second, new_id_text()), AT)
    draft.place(Close(customer, new_id_text(), "customer_left"), AT)
    with pytest.raises(SessionClosedError):
        draft.place(Post(customer, new_id_text(), "wait"), AT)
    assert [e.kind for e in draft.entries] == [Kind.JOINED, Kind.CLOSED]
    assert state.status is Status.WAITING


def test_an_entry_is_taken_in_once_and_never_before_its_predecessor() -> None:
    state, customer = opened()
    other = SessionState(state.id, state.data_key)
    entries = stored(state, Post(customer, new_id_text(), "one"), Post(customer, new_id_text(), "two"))
    with pytest.raises(ValueError, match="missing"):
        other.apply(entries[1])
    assert not state.apply(entries[0])
    assert state.last_seq == 3


@pytest.mark.parametrize("traceparent", ["", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"])
def test_headers_are_those_of_the_envelope(traceparent: str) -> None:
    state, customer = opened()
    entry = stored(state, Post(customer, str(uuid4()), "hello"))[0]
    headers = EntryHeaders(traceparent)
    for _ in range(2):
        written = orjson.loads(headers.of(state.key, entry))
        expected = encode_raw(
            event_id=written["ce_id"],
            data_class=EVENTS[entry.kind],
            source="/muniment/chat_gateway",
            time=AT,
            key=state.key,
            value=entry.value,
            traceparent=traceparent,
        )
        assert written == expected.headers
    assert orjson.loads(headers.of(state.key, entry))["ce_id"] != written["ce_id"]
