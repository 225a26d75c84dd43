"""What runs in a process for those who answer."""

import asyncio

from chat_gateway.answering.alarms import AlarmBell
from chat_gateway.answering.notes import NoteBoard
from chat_gateway.answering.reveals import Reveals
from chat_gateway.journal import Journal
from chat_gateway.settings import ChatGatewaySettings
from common.clock import Clock
from common.database import Database


class Tools:
    """Made once, in the composition root."""

    def __init__(self, database: Database, journal: Journal, settings: ChatGatewaySettings, clock: Clock) -> None:
        self.database = database
        self.notes = NoteBoard(database, clock, seconds=settings.poll_seconds)
        self.alarms = AlarmBell(database, clock, seconds=settings.poll_seconds)

        self.reveals = Reveals(
            database, journal, clock, soft=settings.reveals_soft, hard=settings.reveals_hard
        )  # fmt: skip

    async def run(self) -> None:
        """Hear what other processes wrote, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.notes.run())
            group.create_task(self.alarms.run())
