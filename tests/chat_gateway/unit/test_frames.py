"""Frames written in haste are those that the schemas describe; the protocol's page names every one of them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_gateway import connections, errors, frames, lines, schemas
from chat_gateway.errors import MalformedFrameError, TextTooLongError
from chat_gateway.model import Join, Post
from chat_gateway.wire import MAX_TEXT_BYTES
from common.contracts.chat import covered, running_digest
from common.errors import MunimentError
from common.ids import new_id_text
from tests.chat_gateway.unit.test_model import TEXTS, opened, somebody, stored

PROTOCOL = Path(__file__).parents[3] / "services" / "chat-gateway" / "PROTOCOL.md"


@given(text=TEXTS)
def test_entry_and_ack_are_as_described(text: str) -> None:
    state, customer = opened()
    entry = stored(state, Post(customer, new_id_text(), text))[0]
    told = schemas.to_client.validate_json(frames.entry(entry, withhold=True))
    assert isinstance(told, schemas.EntryFrame)
    assert told.entry["pii"] == {"text": text, "salt": entry.receipt.salt}
    ack = schemas.to_client.validate_json(frames.ack(state.key, entry.entry_id, entry.receipt))
    assert isinstance(ack, schemas.Ack)
    assert (ack.client_id, ack.seq, ack.digest) == (entry.entry_id, 2, told.entry["digest"])
    assert ack.salt == entry.receipt.salt


@pytest.mark.req("S1-036")
def test_the_pin_is_withheld_from_the_public_only() -> None:
    state, _ = opened()
    entry = stored(state, Join(somebody("agent"), new_id_text()))[0]
    assert "100001" in frames.entry(entry, withhold=False)
    hidden = frames.entry(entry, withhold=True)
    assert "100001" not in hidden
    assert '"withheld":["pii.pin","pii.salt"]' in hidden
    assert entry.receipt.salt not in hidden, "with it the PIN could be guessed against the commitment"
    seen = json.loads(hidden)["entry"]
    assert running_digest(next(iter(state.receipts.values())).digest, covered(seen)) == seen["digest"]


@given(raw=st.text(max_size=200))
def test_whatever_else_comes_is_refused_in_one_way(raw: str) -> None:
    with pytest.raises(MunimentError) as refused:
        frames.read(raw)
    assert refused.value.kind == "malformed-frame"


UNSEEN = st.text(min_size=12, max_size=40).map(lambda text: f"~{text}~")


@given(value=UNSEEN, name=UNSEEN)
def test_a_refusal_quotes_nothing(value: str, name: str) -> None:
    for frame in (
        {"type": value},
        {"type": "ping", name: value},
        {"type": "hello", "token": [value], "language": value},
    ):
        with pytest.raises(MalformedFrameError) as refused:
            frames.read(json.dumps(frame))
        said = frames.error(refused.value, {})
        assert "~" not in said


@pytest.mark.parametrize("made_up", ["jane_doe", "a078051120", "078-05-1120"])
def test_a_field_that_nobody_knows_is_not_named(made_up: str) -> None:
    with pytest.raises(MalformedFrameError) as refused:
        frames.read(json.dumps({"type": "ping", made_up: 1}))
    assert refused.value.errors[0].field == "frame"


@pytest.mark.parametrize(("letter", "size"), [("x", 1), ("é", 2), ("漢", 3), ("😀", 4)])
def test_a_text_may_have_so_many_bytes(letter: str, size: int) -> None:
    def read(number: int) -> object:
        ids = f'"session_id":"{new_id_text()}","client_id":"{new_id_text()}"'
        return frames.read(f'{{"type":"send",{ids},"text":"{letter * number}"}}')

    most = MAX_TEXT_BYTES // size
    assert isinstance(read(most), schemas.Send)
    with pytest.raises(TextTooLongError):
        read(most + 1)


def test_ids_are_read_in_any_case_and_written_in_lower() -> None:
    client_id = new_id_text()
    frame = frames.read(
        f'{{"type":"send","session_id":"{client_id.upper()}","client_id":"{client_id.upper()}","text":"x"}}'
    )
    assert isinstance(frame, schemas.Send)
    assert frame.client_id == client_id


def test_the_protocols_page_names_every_frame_and_every_code() -> None:
    page = PROTOCOL.read_text("utf-8")
    kinds = [*schemas.from_client.json_schema()["discriminator"]["mapping"]]
    kinds += [*schemas.to_client.json_schema()["discriminator"]["mapping"]]
    codes = {getattr(errors, name).kind for name in errors.__all__}
    codes |= {"unauthenticated", "unavailable", "internal"}
    numbers = {connections.UNAUTHENTICATED, connections.NO_HELLO, connections.FAILED, lines.TOO_SLOW, 1009, 1012}
    missing = [word for word in (*kinds, *sorted(codes), *map(str, sorted(numbers))) if f"`{word}`" not in page]
    assert missing == []
