"""The writer over a journal in memory: what it acknowledges is stored, once, in order, whatever becomes of a transaction."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast
from unittest.mock import patch
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_gateway.drafts import Draft
from chat_gateway.errors import ClientIdReusedError, NotStoredYetError
from chat_gateway.journal import Journal, OutOfReachError
from chat_gateway.model import Entry, Open, Post, Receipt
from chat_gateway.sessions import LiveSession, Sessions, Submission
from chat_gateway.writer import Writer
from common.errors import MunimentError
from common.ids import new_id, new_id_text
from common.testing import FixedClock
from tests.chat_gateway.talking import chained
from tests.chat_gateway.unit.fakes import KEYRING, MemoryJournal
from tests.chat_gateway.unit.test_model import opening, somebody


class Heard:
    """A reply and a subscriber that keep what they hear."""

    for_customer = False
    participant_id = ""

    def __init__(self) -> None:
        self.receipts: dict[str, list[Receipt]] = {}
        self.errors: dict[str, list[MunimentError]] = {}
        self.entries: list[Entry] = []

    def tell(self, text: str) -> None:
        raise AssertionError("the writer tells entries only")

    def accepted(self, submission: Submission, receipt: Receipt) -> None:
        self.receipts.setdefault(submission.contribution.entry_id, []).append(receipt)

    def refused(self, submission: Submission, error: MunimentError) -> None:
        self.errors.setdefault(submission.contribution.entry_id, []).append(error)

    def deliver(self, entry: Entry, origin: object) -> None:
        self.entries.append(entry)

    @property
    def answers(self) -> int:
        return sum(map(len, self.receipts.values())) + sum(map(len, self.errors.values()))


class Replica:
    """One process: its sessions and its writer."""

    def __init__(self, journal: MemoryJournal, refuse_after: float = 5) -> None:
        typed = cast("Journal", journal)
        self.sessions = Sessions(typed)
        self.writer = Writer(typed, FixedClock(), refuse_after=refuse_after, announce=lambda _: None)
        self.running = asyncio.create_task(self.writer.run())

    async def stop(self) -> None:
        self.writer.stop()
        await asyncio.wait_for(self.running, 30)


async def open_session(replica: Replica, heard: Heard, client_id: str | None = None) -> LiveSession:
    live = replica.sessions.begin(new_id(), KEYRING.issue())
    live.state.opening = opening()
    client_id = client_id or new_id_text()
    before = heard.answers
    replica.writer.submit(Submission(live, Open(somebody(), client_id, opening()), heard))
    await until(lambda: heard.answers > before)
    return live


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


@contextmanager
def quickly() -> Iterator[None]:
    """Pauses of nothing: the order of things is what is tried here."""
    real = asyncio.sleep
    with patch("asyncio.sleep", lambda _seconds: real(0)):
        yield


FAULTS = st.lists(st.sampled_from(["", "", "lost", "cut", "deadlock"]), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    posts=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5), st.integers(0, 1), st.booleans()), max_size=25),
    faults=FAULTS,
)
def test_acknowledged_is_stored_once_and_in_order(posts: list[tuple[int, int, int, bool]], faults: list[str]) -> None:
    """Two processes, few ids, faults: each sender hears once of each message, and what it hears is what is stored."""
    asyncio.run(_two_replicas(posts, faults))


async def _two_replicas(posts: list[tuple[int, int, int, bool]], faults: list[str]) -> None:
    journal, heard = MemoryJournal(), [Heard(), Heard()]
    with quickly():
        replicas = [Replica(journal), Replica(journal)]
        first = await open_session(replicas[0], Heard())
        found = await replicas[1].sessions.find(first.state.id)
        assert found is not None
        lives = [first, found]
        for which in (0, 1):
            replicas[which].sessions.subscribe(lives[which], heard[which])
        who = next(iter(first.state.participants.values()))
        ids = [new_id_text() for _ in range(6)]
        journal.faults = iter(faults)
        for where, number, text, pause in posts:
            post = Post(who, ids[number], f"text {text}")
            replicas[where].writer.submit(Submission(lives[where], post, heard[where]))
            if pause:
                await asyncio.sleep(0)
        await until(lambda: heard[0].answers + heard[1].answers == len(posts))
        for replica in replicas:
            await replica.stop()
        for live in lives:
            await live.catch_up(cast("Journal", journal))
    stored = journal.entries[first.state.id]
    entries = [e.follow("", first.state) for e in stored]
    assert [e.seq for e in stored] == list(range(1, len(stored) + 1))
    assert chained([json.loads(e.value) for e in stored]) == [e.receipt.digest for e in entries]
    by_id = {e.entry_id: e.receipt for e in entries}
    assert len(by_id) == len(stored)
    for listener in heard:
        assert [e.seq for e in listener.entries] == list(range(2, len(stored) + 1))
        for client_id, receipts in listener.receipts.items():
            assert {(r.seq, r.digest) for r in receipts} == {(by_id[client_id].seq, by_id[client_id].digest)}
        for errors in listener.errors.values():
            assert {type(e) for e in errors} == {ClientIdReusedError}


async def test_what_comes_while_a_transaction_is_under_way_is_the_next_batch() -> None:
    journal, heard = MemoryJournal(), Heard()
    replica = Replica(journal)
    lives = [await open_session(replica, Heard()) for _ in range(5)]
    before = journal.appends
    for live in lives:
        who = next(iter(live.state.participants.values()))
        for number in range(10):
            replica.writer.submit(Submission(live, Post(who, new_id_text(), f"{number}"), heard))
    await until(lambda: heard.answers == 50)
    assert journal.appends == before + 1
    await replica.stop()


async def test_one_session_that_is_refused_does_not_hold_up_the_others() -> None:
    journal, heard = MemoryJournal(), Heard()
    replica = Replica(journal)
    lives = [await open_session(replica, Heard()) for _ in range(3)]
    journal.poison = {b"unwritable"}
    ids = [new_id_text() for _ in lives]
    for live, client_id, text in zip(lives, ids, ("fine", "unwritable", "fine"), strict=True):
        who = next(iter(live.state.participants.values()))
        replica.writer.submit(Submission(live, Post(who, client_id, text), heard))
    await until(lambda: heard.answers == 3)
    assert set(heard.receipts) == {ids[0], ids[2]}
    assert "unwritable" not in str(heard.errors[ids[1]][0])
    assert [e.kind for e in journal.entries[lives[1].state.id]] == ["opened"]
    await replica.stop()


async def test_while_the_database_is_away_senders_hear_that_nothing_is_certain() -> None:
    journal, heard = MemoryJournal(), Heard()
    replica = Replica(journal, refuse_after=0.05)
    live = await open_session(replica, Heard())
    client_id, who = new_id_text(), next(iter(live.state.participants.values()))
    away = OSError()
    with (
        patch.object(journal, "append", side_effect=_out_of_reach),
        patch.object(journal, "entries_after", side_effect=away),
    ):
        replica.writer.submit(Submission(live, Post(who, client_id, "hello"), heard))
        await _eventually(lambda: bool(heard.errors))
        assert isinstance(heard.errors[client_id][0], NotStoredYetError)
    replica.writer.submit(Submission(live, Post(who, client_id, "hello"), heard))
    await _eventually(lambda: bool(heard.receipts))
    assert heard.receipts[client_id][0].seq == 2
    await replica.stop()


async def test_an_account_opens_one_session_under_one_client_id() -> None:
    journal, first, second = MemoryJournal(), Heard(), Heard()
    replicas = [Replica(journal), Replica(journal)]
    client_id = new_id_text()
    live = await open_session(replicas[0], first, client_id)
    await open_session(replicas[1], second, client_id)
    assert list(first.receipts) == [client_id]
    assert isinstance(second.errors[client_id][0], ClientIdReusedError)
    assert [len(e) for e in journal.entries.values() if e] == [1]
    assert journal.entries[live.state.id]
    for replica in replicas:
        await replica.stop()


async def test_a_writer_that_was_told_to_stop_stores_what_it_took_and_takes_no_more() -> None:
    journal, heard = MemoryJournal(), Heard()
    replica = Replica(journal)
    live = await open_session(replica, Heard())
    who, taken, late = next(iter(live.state.participants.values())), new_id_text(), new_id_text()
    replica.writer.submit(Submission(live, Post(who, taken, "in time"), heard))
    replica.writer.stop()
    replica.writer.submit(Submission(live, Post(who, late, "too late"), heard))
    await asyncio.wait_for(replica.running, 30)
    assert (list(heard.receipts), list(heard.errors)) == ([taken], [late])


async def _out_of_reach(_drafts: object) -> None:
    raise OutOfReachError


async def _eventually(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR")


class _ReadMeanwhile(MemoryJournal):
    """Somebody reads the session between the commit and the writer's hearing of it."""

    live: LiveSession | None = None

    async def append(self, drafts: Sequence[Draft]) -> set[UUID]:
        lost = await super().append(drafts)
        if self.live is not None:
            await self.live.catch_up(cast("Journal", self))
        return lost


async def test_what_is_read_before_its_commit_was_heard_of_is_still_its_senders_own() -> None:
    journal, heard, other = _ReadMeanwhile(), Heard(), Heard()
    replica = Replica(journal)
    live = journal.live = await open_session(replica, heard)
    told: list[tuple[int, object]] = []
    with patch.object(Heard, "deliver", lambda _self, entry, origin: told.append((entry.seq, origin))):
        replica.sessions.subscribe(live, other)
        said = Submission(live, Post(somebody(), new_id_text(), "hello"), heard)
        replica.writer.submit(said)
        await until(lambda: said.contribution.entry_id in heard.receipts)
    assert told == [(2, heard)]
    assert live.in_flight == ()
    await replica.stop()
