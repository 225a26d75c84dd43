"""One set of rules for the journal in PostgreSQL and for the one in memory that the writer's tests stand on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from chat_gateway.drafts import Draft, SessionState
from chat_gateway.journal import Journal, RefusedError
from chat_gateway.model import Close, Join, Kind, Open, Post
from chat_gateway.settings import ChatGatewaySettings
from chat_gateway.tables import Base
from common.database import make_engine
from common.ids import new_id, new_id_text
from common.protection.making import make_service_keys
from common.testing import FixedClock
from tests.chat_gateway.unit.fakes import KEYRING, MemoryJournal
from tests.chat_gateway.unit.test_model import AT, opening, somebody


@pytest.fixture(params=["memory", "postgres"])
async def journal(request: pytest.FixtureRequest, settings: ChatGatewaySettings) -> AsyncIterator[Journal]:
    if request.param == "memory":
        yield cast("Journal", MemoryJournal())
        return
    async with opened_journal(settings) as journal:
        yield journal


@asynccontextmanager
async def opened_journal(settings: ChatGatewaySettings) -> AsyncIterator[Journal]:
    journal = Journal(settings, KEYRING, make_service_keys(settings, "chat_gateway", FixedClock()))
    yield journal
    await journal.close()


def drafted(state: SessionState, *contributions: Open | Join | Post | Close) -> Draft:
    draft = Draft(state)
    for contribution in contributions:
        draft.place(contribution, AT)
    return draft


def begun(account: str = "customer-1", client_id: str | None = None) -> Draft:
    state = SessionState(new_id(), KEYRING.issue())
    state.opening = opening()
    who = somebody()
    who = type(who)(who.id, account, "customer", "A. Customer", AT)
    return drafted(state, Open(who, client_id or new_id_text(), opening()))


def taken_in(draft: Draft) -> SessionState:
    for entry in draft.entries:
        draft.state.apply(entry)
    draft.state.participants |= draft.participants
    return draft.state


def posts(state: SessionState, number: int) -> Draft:
    who = state.participants["customer-1"]
    return drafted(state, *(Post(who, new_id_text(), f"line {n}") for n in range(number)))


async def test_what_was_appended_is_read_again(journal: Journal) -> None:
    state = taken_in(opened := begun())
    assert await journal.append([opened]) == set()
    agent = somebody("agent")
    more = drafted(state, Join(agent, new_id_text()), Post(agent, new_id_text(), "Good day"))
    assert await journal.append([more]) == set()
    taken_in(more)
    read = await journal.load(state.id)
    assert read is not None
    assert read.opening == state.opening
    stored = await journal.entries_after(state.id, 1, 10)
    assert [(e.seq, e.kind) for e in stored] == [(2, Kind.JOINED), (3, Kind.MESSAGE)]
    assert [e.value for e in stored] == [e.value for e in more.entries]
    assert stored[0].follow(opened.entries[0].receipt.digest, read) == more.entries[0]
    assert (await journal.entries_after(state.id, 0, 1))[0].seq == 1
    assert await journal.participants(read) == state.participants
    assert await journal.last_seqs([state.id, nowhere := new_id()]) == {state.id: 3, nowhere: 0}
    assert await journal.load(nowhere) is None


async def test_of_two_who_number_the_same_the_later_stores_nothing(journal: Journal) -> None:
    first, second = begun(), begun()
    await journal.append([first, second])
    here, there = taken_in(first), taken_in(second)
    behind = SessionState(here.id, here.data_key)
    behind.opening = here.opening
    for entry in first.entries:
        behind.apply(entry)
    behind.participants |= here.participants
    await journal.append([posts(here, 3)])
    stale, fresh = posts(behind, 5), posts(there, 2)
    assert await journal.append([stale, fresh]) == {here.id}
    assert await journal.last_seqs([here.id, there.id]) == {here.id: 4, there.id: 3}


async def test_an_account_has_one_session_under_one_client_id(journal: Journal) -> None:
    client_id = new_id_text()
    first, second, other = begun(client_id=client_id), begun(client_id=client_id), begun("customer-2", client_id)
    assert await journal.append([first]) == set()
    assert await journal.append([second, other]) == {second.state.id}
    assert await journal.opened_as("customer-1", client_id) == first.state.id
    assert await journal.opened_as("customer-1", new_id_text()) is None
    assert not await journal.entries_after(second.state.id, 0, 10)


async def test_a_session_found_by_its_client_id_goes_on_to_its_end(journal: Journal) -> None:
    """As after a reconnect in the middle of opening: the session in hand then comes from the store, id and all."""
    client_id = new_id_text()
    await journal.append([opened := begun(client_id=client_id)])
    found = await journal.opened_as("customer-1", client_id)
    assert found is not None
    state = await journal.load(found)
    assert state is not None
    for entry in opened.entries:
        state.apply(entry)
    state.participants |= await journal.participants(state)
    agent = somebody("agent")
    more = drafted(state, Join(agent, new_id_text()), Close(agent, new_id_text(), "agent_closed"))
    assert await journal.append([more]) == set()
    assert await journal.last_seqs([found]) == {found: 3}


async def test_two_who_append_at_once_are_put_in_order(settings: ChatGatewaySettings) -> None:
    """Many sessions from two connections, the same ones in both: each session has one winner, and nobody deadlocks."""
    async with opened_journal(settings) as one, opened_journal(settings) as two:
        await _race(one, two)


async def _race(one: Journal, two: Journal) -> None:
    opened = [begun() for _ in range(40)]
    await one.append(opened)
    for _ in range(5):
        drafts = [[posts(draft.state, 2) for draft in map(_copied, opened)] for _ in range(2)]
        lost = await asyncio.gather(one.append(drafts[0]), two.append(drafts[1]))
        ids = {draft.state.id for draft in opened}
        assert lost[0] | lost[1] == ids
        assert not lost[0] & lost[1]
        opened = [draft for which in (0, 1) for draft in drafts[which] if draft.state.id not in lost[which]]
    last = await one.last_seqs([draft.state.id for draft in opened])
    assert set(last.values()) == {11}


def _copied(draft: Draft) -> Draft:
    """The same draft on a state of its own, taken in."""
    state = SessionState(draft.state.id, draft.state.data_key)
    state.opening, state.last_seq, state.digest = draft.state.opening, draft.state.last_seq, draft.state.digest
    state.participants = dict(draft.state.participants)
    copy = Draft(state)
    copy.entries, copy.participants = draft.entries, draft.participants
    taken_in(copy)
    return copy


@pytest.mark.req("S1-035")
async def test_no_employee_is_kept_without_a_pin(settings: ChatGatewaySettings) -> None:
    async with opened_journal(settings) as journal:
        state = taken_in(opened := begun())
        await journal.append([opened])
        agent = somebody("agent")
        nameless = replace(agent, pin="")
        with pytest.raises(RefusedError):
            await journal.append([drafted(state, Join(nameless, new_id_text()))])
        assert await journal.last_seqs([state.id]) == {state.id: 1}


async def test_the_tables_are_as_the_migrations_make_them(settings: ChatGatewaySettings) -> None:
    engine = make_engine(settings.database_url.get_secret_value())
    ours = set(Base.metadata.tables)

    def compare(connection: Connection) -> list[object]:
        def include(_object: object, name: str | None, kind: str, _reflected: object, _to: object) -> bool:
            return kind != "table" or name in ours

        options = {"include_object": include, "compare_type": True}
        found = compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
        changes = [change for item in found for change in (item if isinstance(item, list) else [item])]
        # Indexes, constraints and comments stand in the migration only: queries do not name them.
        return [c for c in changes if not {"index", "constraint", "fk", "comment"} & set(str(c[0]).split("_"))]

    async with engine.connect() as connection:
        assert await connection.run_sync(compare) == []
    await engine.dispose()
