"""What runs in a process for those who answer."""

import asyncio

from chat_gateway.answering.alarms import AlarmBell
from chat_gateway.answering.conversation import Conversations
from chat_gateway.answering.notes import NoteBoard
from chat_gateway.answering.reveals import Reveals
from chat_gateway.answering.standing import Standing
from chat_gateway.settings import ChatGatewaySettings
from chat_gateway.use_cases import Chat
from common.clock import Clock
from common.database import Database
from common.protection.keyring import Keyring


class Tools:
    """Made once, in the composition root."""

    def __init__(
        self, database: Database, chat: Chat, keyring: Keyring, settings: ChatGatewaySettings, clock: Clock
    ) -> None:
        self.database = database
        self.keyring = keyring
        self.conversations = Conversations(chat, database, keyring, clock)
        self.notes = NoteBoard(database, clock, seconds=settings.poll_seconds)
        self.alarms = AlarmBell(database, clock, seconds=settings.poll_seconds)

        self.standing = Standing(chat, database, clock, seconds=settings.poll_seconds)
        self.reveals = Reveals(
            database, chat.journal, clock, soft=settings.reveals_soft, hard=settings.reveals_hard
        )  # fmt: skip

    async def run(self) -> None:
        """Hear what other processes wrote, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.notes.run())
            group.create_task(self.alarms.run())
            group.create_task(self.standing.run())
