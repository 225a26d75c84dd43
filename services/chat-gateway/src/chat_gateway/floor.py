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
        self._new: list[tuple[str, Reachable]] = []
        self.bell = asyncio.Event()

    def enter(self, agent: str, connection: Reachable, *, knows: bool = False) -> None:
        """Args:
        knows: what the employee is asked now; else it is shown anew.
        """
        self._here.setdefault(agent, []).append(connection)
        if not knows:
            self._new.append((agent, connection))
            self.ring()

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

    def newcomers(self) -> list[tuple[str, Reachable]]:
        """Connections that came since this was asked last, and are still here."""
        new, self._new = self._new, []
        return [(agent, one) for agent, one in new if one in self._here.get(agent, ())]

    def ring(self) -> None:
        """Something changed: somebody waits, or somebody is free."""
        self.bell.set()
