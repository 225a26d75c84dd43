"""Streams dialogues through the gateway, and keeps what was acknowledged: that is what must never be lost."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from muniment.chat_client import ChatClient
from muniment.conversations import Conversation
from muniment.demo import Platform

PATIENCE_SECONDS = 300
NOBODY_ELSE: Mapping[str, str] = {}


@dataclass
class Kept:
    """What the clients of one session hold: seq → (the sender's id for it, text), and how the session closed."""

    session_id: UUID
    acknowledged: dict[int, tuple[str, str]] = field(default_factory=dict)
    last_seq: int = 0
    digest: str = ""
    salts: dict[int, str] = field(default_factory=dict)
    reconnects: int = 0


def line(platform: Platform, number: int) -> Callable[[], str]:
    """Where to connect, each time anew."""
    addresses = platform.gateways()
    turns = itertools.count(number)
    return lambda: addresses[next(turns) % len(addresses)]


async def converse(
    platform: Platform,
    conversation: Conversation,
    number: int,
    *,
    pace: float = 0.0,
    customer_claims: Mapping[str, str] = NOBODY_ELSE,
    agent_claims: Mapping[str, str] = NOBODY_ELSE,
) -> Kept:
    """One session from opening to closing, both people on lines that may break at any moment. Where there are several
    gateways the two sit at different ones, and whoever connects again does so at the next.
    """
    here, there = line(platform, number), line(platform, number + 1)
    as_customer = {"sub": f"account-{number}", **customer_claims}
    as_agent = {"sub": f"agent-{number % 10}", "pin": str(200_000 + number % 10), **agent_claims}
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        ChatClient(here, platform.token("customer", **as_customer)) as customer,
        ChatClient(there, platform.token("agent", **as_agent)) as agent,
    ):
        kept = Kept(await customer.open(conversation.topic))
        await agent.join(kept.session_id)
        for turn in conversation.turns:
            answer = await (customer if turn.speaker == "customer" else agent).say(turn.text)
            assert answer["seq"] not in kept.acknowledged, "two messages were acknowledged under one number"
            kept.acknowledged[answer["seq"]] = (answer["client_id"], turn.text)
            kept.salts[answer["seq"]] = answer["salt"]
            await asyncio.sleep(pace)
        closed = await customer.close()
        await agent.until_closed()
        assert [e["seq"] for e in customer.entries] == [e["seq"] for e in agent.entries]
        kept.last_seq, kept.digest = closed["seq"], closed["digest"]
        kept.reconnects = customer.reconnects + agent.reconnects
        return kept


async def stream(
    platform: Platform,
    conversations: Sequence[Conversation],
    *,
    at_once: int,
    go_on: Callable[[], bool],
    pace: float = 0.0,
) -> list[Kept]:
    """Play all conversations, so many at once; then again from the first for as long as `go_on` says so."""
    numbers = iter(range(1_000_000))
    done: list[Kept] = []

    async def play() -> None:
        for number in numbers:
            if number >= len(conversations) and not go_on():
                return
            done.append(await converse(platform, conversations[number % len(conversations)], number, pace=pace))

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(play())
    return done
