"""Frames written in haste are those that the schemas describe; the protocol's page names every one of them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_gateway import connections, errors, frames, lines, schemas
from chat_gateway.errors import MalformedFrameError, TextTooLongError
from chat_gateway.model import Join, Post
from chat_gateway.saying.masking import MARK
from chat_gateway.views import frame_of, seen, view_of
from chat_gateway.wire import MAX_TEXT_BYTES
from common.contracts.chat import commitment_to, covered, running_digest
from common.errors import MunimentError
from common.ids import new_id_text
from tests.chat_gateway.unit.test_model import TEXTS, opened, somebody, stored

PROTOCOL = Path(__file__).parents[3] / "services" / "chat-gateway" / "PROTOCOL.md"


@given(text=TEXTS)
def test_entry_and_ack_are_as_described(text: str) -> None:
    state, customer = opened()
    entry = stored(state, Post(customer, new_id_text(), text))[0]
    told = schemas.to_client.validate_json(frame_of(entry, view_of(customer, entitled=False)))
    assert isinstance(told, schemas.EntryFrame)
    assert told.entry["pii"] == {"text": text, "salt": entry.receipt.salt}
    ack = schemas.to_client.validate_json(frames.ack(state.key, entry.entry_id, entry.receipt))
    assert isinstance(ack, schemas.Ack)
    assert (ack.client_id, ack.seq, ack.digest) == (entry.entry_id, 2, told.entry["digest"])
    assert ack.salt == entry.receipt.salt


@pytest.mark.req("S1-036")
def test_the_pin_is_withheld_from_the_public_only() -> None:
    state, customer = opened()
    agent = somebody("agent")
    entry = stored(state, Join(agent, new_id_text()))[0]
    assert "100001" in frame_of(entry, view_of(agent, entitled=False))
    hidden = frame_of(entry, view_of(customer, entitled=False))
    assert "100001" not in hidden
    assert '"withheld":["pii.pin","pii.salt"]' in hidden
    assert entry.receipt.salt not in hidden, "with it the PIN could be guessed against the commitment"
    seen = json.loads(hidden)["entry"]
    assert running_digest(next(iter(state.receipts.values())).digest, covered(seen)) == seen["digest"]


SAID = "I was born 3/4/1950, my number is 219-09-9999"


def test_what_is_protected_is_masked_for_employees_who_need_not_see_it_and_the_chain_still_holds() -> None:
    state, customer = opened()
    agent, before = somebody("agent"), state.digest
    entry = stored(state, Post(customer, new_id_text(), SAID))[0]
    hidden = json.loads(frame_of(entry, view_of(agent, entitled=False)))
    assert hidden["entry"]["pii"] == {"text": f"I was born {MARK}, my number is {MARK}"}
    assert hidden["withheld"] == ["pii.salt"], "with it nine digits could be guessed against the commitment"
    assert [(m["span"], m["kind"], m["at"]) for m in hidden["masked"]] == [
        (0, "date-of-birth", 11),
        (1, "social-security-number", 31),
    ]
    assert running_digest(before, covered(hidden["entry"])) == entry.receipt.digest
    assert hidden["entry"]["commitment"] == commitment_to(entry.pii), "what was said is what it was"
    for who, entitled in ((customer, False), (agent, True)):
        assert SAID in frame_of(entry, view_of(who, entitled=entitled))
    assert json.loads(frame_of(entry, view_of(agent, entitled=False))) == hidden, "and again the same"
    assert seen(entry, view_of(agent, entitled=False)) == hidden


def test_ones_own_words_and_harmless_ones_are_not_masked() -> None:
    state, customer = opened()
    agent = somebody("agent")
    stored(state, Join(agent, new_id_text()))
    own, harmless = stored(state, Post(agent, new_id_text(), SAID), Post(customer, new_id_text(), "I am 62"))
    assert SAID in frame_of(own, view_of(agent, entitled=False))
    assert "masked" not in frame_of(harmless, view_of(agent, entitled=False))


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
