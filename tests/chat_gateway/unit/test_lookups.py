"""Ways into other systems: asked for what is needed, believed in what was agreed, left alone when they fail."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from chat_gateway.lookups.adapter import OtherSystem as Adapter
from chat_gateway.lookups.adapter import Question
from chat_gateway.lookups.addresses import connect
from chat_gateway.lookups.circuit import FAILURES, REST, Circuit, State
from chat_gateway.lookups.errors import NoSuchFileError, OtherSystemGarbledError, OtherSystemUnavailableError
from chat_gateway.lookups.http_adapter import Access, HttpSystem
from chat_gateway.lookups.register import LookUpRegister, load
from chat_gateway.routing.registers import load as load_topics
from common.ids import new_id
from common.testing import FixedClock
from tests.chat_gateway.other_system import FIELDS, OtherSystem, answering
from tests.tls.certificates import Authority


def asking(*fields: str) -> Question:
    return Question(new_id(), "T2-1", frozenset(fields or ("payment_day",)), "answer-question", "agent-1")


@pytest.fixture
async def other() -> AsyncIterator[OtherSystem]:
    async with OtherSystem().serving() as system:
        yield system


@pytest.fixture
async def adapter(other: OtherSystem, clock: FixedClock) -> AsyncIterator[HttpSystem]:
    system = HttpSystem("title-ii", Access(other.url, seconds=0.3), clock)
    yield system
    await system.close()


async def test_only_what_was_asked_for_comes_back(other: OtherSystem, adapter: HttpSystem) -> None:
    question = asking("payment_day", "claim_status", "overpayment_balance")
    assert await adapter.ask(question) == {"payment_day": FIELDS["payment_day"], "claim_status": None}
    assert other.questions == [
        {
            "look_up_id": str(question.look_up_id),
            "file_id": "T2-1",
            "fields": ["claim_status", "overpayment_balance", "payment_day"],
            "reason": "answer-question",
            "requested_by": "agent-1",
        }
    ]


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (answering(500), OtherSystemUnavailableError),
        (answering(503, b"<html>"), OtherSystemUnavailableError),
        (answering(429), OtherSystemUnavailableError),
        (answering(302), OtherSystemGarbledError),
        (answering(401), OtherSystemGarbledError),
        (answering(404), NoSuchFileError),
        (answering(content=b"<html>welcome</html>"), OtherSystemGarbledError),
        (answering(content=b"[]"), OtherSystemGarbledError),
        (answering(content=b'{"fields": "payment_day"}'), OtherSystemGarbledError),
        (answering(content=b"\xff\xfe"), OtherSystemGarbledError),
        (answering(content=b'{"fields": {"payment_day": {"of": "week"}}}'), OtherSystemGarbledError),
        (answering(payment_day="x" * 2001), OtherSystemGarbledError),
        (answering(payment_day="Wednesday", other="x" * 70_000), OtherSystemGarbledError),
    ],
)
async def test_whatever_else_it_answers_is_an_error_without_its_words(
    other: OtherSystem, adapter: HttpSystem, behaviour: Any, error: type[Exception]
) -> None:
    other.behave = behaviour
    with pytest.raises(error) as caught:
        await adapter.ask(asking())
    assert "welcome" not in str(caught.value)
    assert "T2-1" not in str(caught.value)


async def test_a_slow_system_costs_a_moment_and_then_nothing(
    other: OtherSystem, adapter: HttpSystem, clock: FixedClock
) -> None:
    other.delay = 5
    for _ in range(FAILURES):
        with pytest.raises(OtherSystemUnavailableError, match="in time"):
            await adapter.ask(asking())
    with pytest.raises(OtherSystemUnavailableError, match="left alone"):
        await adapter.ask(asking())
    assert len(other.questions) == FAILURES, "an open circuit asks nobody"
    other.delay = 0
    clock.turn(seconds=REST.total_seconds())
    assert await adapter.ask(asking()) == {"payment_day": FIELDS["payment_day"]}


async def test_one_that_is_not_there_is_unavailable(clock: FixedClock) -> None:
    async with OtherSystem().serving() as gone:
        system = HttpSystem("title-ii", Access(gone.url, seconds=1), clock)
    with pytest.raises(OtherSystemUnavailableError, match="cannot be reached"):
        await system.ask(asking())
    await system.close()


async def test_it_shows_a_token_of_its_own_and_gets_a_new_one_in_time_or_when_refused(
    other: OtherSystem, clock: FixedClock
) -> None:
    access = Access(other.url, 1, f"http://127.0.0.1:{other.port}/token", "muniment", "secret")
    system = HttpSystem("title-ii", access, clock)
    for _ in range(3):
        await system.ask(asking())
    assert other.tokens == 1
    clock.turn(seconds=280)
    await system.ask(asking())
    assert other.tokens == 2, "before it runs out"
    other.accepted = {"Bearer token-3"}
    await system.ask(asking())
    assert other.headers[-1]["authorization"] == "Bearer token-3"
    other.accepted, other.token_answer = {"Bearer never"}, (400, b"")
    with pytest.raises(OtherSystemUnavailableError, match="no token"):
        await system.ask(asking())
    await system.close()


async def test_it_proves_itself_by_certificate_and_believes_the_named_authority_alone(
    tmp_path: Path, clock: FixedClock
) -> None:
    agency, stranger = Authority(tmp_path, "agency"), Authority(tmp_path, "stranger")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=agency.file)
    server.load_cert_chain(*agency.issue("title-ii", "127.0.0.1"))
    server.verify_mode = ssl.CERT_REQUIRED
    certificate, key = agency.issue("gateway")

    async with OtherSystem().serving(server) as other:
        url = other.url.replace("http:", "https:")

        def connected(ca_file: Path, **more: Path) -> Adapter:
            file = tmp_path / "addresses.yaml"
            entry = {"url": url, "ca_file": ca_file} | more
            file.write_text(yaml.safe_dump({"title-ii": {name: str(value) for name, value in entry.items()}}))
            return connect(file, load(), clock)["title-ii"]

        proved = connected(agency.file, certificate_file=certificate, key_file=key)
        assert await proved.ask(asking()) == {"payment_day": FIELDS["payment_day"]}
        for unproved in (connected(agency.file), connected(stranger.file, certificate_file=certificate, key_file=key)):
            with pytest.raises(OtherSystemUnavailableError):
                await unproved.ask(asking())
            await unproved.close()
        await proved.close()
        assert len(other.questions) == 1


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "http://claims.example.gov/"},
        {"url": "ftp://127.0.0.1/"},
        {"url": "https://claims.example.gov/", "token_url": "https://login.example.gov/"},
        {"url": "https://claims.example.gov/", "certificate_file": "/a"},
        {"url": "https://claims.example.gov/", "secret": "x"},
    ],
)
def test_an_address_that_is_not_safe_stops_the_start(entry: dict[str, str], tmp_path: Path, clock: FixedClock) -> None:
    file = tmp_path / "addresses.yaml"
    file.write_text(yaml.safe_dump({"title-ii": entry}))
    with pytest.raises(ValueError, match=r"reached by https|come together|Extra inputs"):
        connect(file, load(), clock)
    file.write_text(yaml.safe_dump({"nowhere": {"url": "https://claims.example.gov/"}}))
    with pytest.raises(ValueError, match="there is no system nowhere"):
        connect(file, load(), clock)


def test_the_register_names_topics_that_there_are() -> None:
    topics = {topic.code for topic in load_topics().topics}
    assert load().topics.keys() <= topics
    assert "general" not in load().topics, "a general question calls for no file"
    with pytest.raises(ValueError, match="there is no system"):
        LookUpRegister.model_validate({"systems": {}, "topics": {"retirement": ["title-ii"]}, "reasons": {"why": "x"}})


@given(st.lists(st.sampled_from(["ok", "fail", "stop", "wait"]), max_size=60))
def test_an_open_circuit_lets_one_try_at_a_time(steps: list[str]) -> None:
    clock, circuit, in_a_row = FixedClock(), Circuit(), 0
    for step in steps:
        if step == "wait":
            clock.turn(seconds=REST.total_seconds() / 2)
            continue
        admitted = circuit.admits(clock.now())
        assert admitted or in_a_row >= FAILURES, "nobody is turned away before it failed often"
        if not admitted:
            continue
        if in_a_row >= FAILURES:
            assert circuit.state is State.TRYING
            assert not circuit.admits(clock.now()), "while one tries, all others wait"
        if step == "ok":
            circuit.succeeded()
            in_a_row = 0
        elif step == "fail":
            circuit.failed(clock.now())
            in_a_row += 1
        else:
            circuit.gave_up()
        assert (circuit.state is State.CLOSED) == (in_a_row < FAILURES)
        if step == "fail" and in_a_row >= FAILURES:
            assert not circuit.admits(clock.now()), "it has its rest"
