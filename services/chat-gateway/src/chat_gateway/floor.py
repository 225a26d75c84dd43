"""Which employees are connected to this process, and how to reach them. Memory only: what must last stands in the database."""

import asyncio
from typing import Protocol


class Reachable(Protocol):
    """A connection of an employee."""

    def tell(self, text: str, /) -> None: ...


class Floor:
    """Connections by employee, and a bell that wakes whoever assigns."""

    def __init__(self) -> None:
        self._here: dict[str, list[Reachable]] = {}
        self.bell = asyncio.Event()

    def enter(self, agent: str, connection: Reachable) -> None:
        self._here.setdefault(agent, []).append(connection)

    def leave(self, agent: str, connection: Reachable) -> None:
        connections = self._here.get(agent, [])
        if connection in connections:
            connections.remove(connection)
        if not connections:
            self._here.pop(agent, None)

    def agents(self) -> list[str]:
        """Those who are here, in a fixed order."""
        return sorted(self._here)

    def tell(self, agent: str, text: str) -> None:
        """Send this frame to every connection of an employee, if there is one here."""
        for connection in tuple(self._here.get(agent, ())):
            connection.tell(text)

    def ring(self) -> None:
        """Something changed: somebody waits, or somebody is free."""
        self.bell.set()
