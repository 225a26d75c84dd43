"""Numbering, digest and repetition, on values alone."""

from uuid import uuid4

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_gateway.errors import ClientIdReusedError, SessionClosedError, UnknownSessionError
from chat_gateway.model import (
    Close,
    Contribution,
    Draft,
    Entry,
    Join,
    Kind,
    Open,
    Opening,
    Participant,
    Post,
    SessionState,
    Status,
)
from chat_gateway.publishing import EVENTS, EntryHeaders
from common.contracts.chat import EMPTY_DIGEST, Role, canonical, running_digest
from common.contracts.envelope import encode_raw
from common.ids import new_id, new_id_text

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


def opened() -> tuple[SessionState, Participant]:
    state, customer = SessionState(new_id()), somebody()
    state.opening = opening()
    stored(state, Open(customer, new_id_text(), opening()))
    return state, customer


@given(texts=st.lists(TEXTS, max_size=8))
def test_every_entry_follows_its_contract_and_the_chain_recomputes(texts: list[str]) -> None:
    state, customer = SessionState(new_id()), somebody()
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
        previous = running_digest(previous, data.canonical())
        assert data.digest == previous == entry.receipt.digest
        # Strictly what the contract names, so that nobody else's reader drops a field and loses the digest.
        assert orjson.loads(entry.value) == data.model_dump(mode="json")
    assert state.digest == previous
    assert state.status is Status.CLOSED


@given(text=TEXTS)
def test_the_quick_way_to_write_a_message_is_the_canonical_one(text: str) -> None:
    state, customer = opened()
    post = Post(customer, new_id_text(), text)
    entry = stored(state, post)[0]
    content = orjson.loads(entry.value)
    digest = content.pop("digest")
    assert entry.value == canonical(content)[:-1] + b',"digest":"' + digest.encode() + b'"}'
    assert content["pii"] == post.content()["pii"]


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
    other = SessionState(state.id)
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
