"""How many connections one account and one network terminal may have here: sockets, streams and waiting polls together.

Each process counts its own: what is to be spared are its memory and its descriptors.
"""

from typing import Self

from prometheus_client import Counter

from chat_gateway.errors import TooManyConnectionsError
from common.auth import EMPLOYEES, Principal

REFUSED = Counter(
    "muniment_chat_connections_refused_total", "Connections refused because there were too many", ["limit"]
)


class Room:
    """Args:
    of_account, of_employee, of_terminal: connections at once; 0 = as many as come.
    """

    def __init__(self, *, of_account: int, of_employee: int, of_terminal: int) -> None:
        self._of_account = of_account
        self._of_employee = of_employee
        self._of_terminal = of_terminal
        self._here: dict[tuple[str, str], int] = {}

    def enter(self, terminal: str) -> "Place":
        """Count a connection from this terminal.

        Raises:
            TooManyConnectionsError: there are as many already.
        """
        return Place(self, self._take("terminal", terminal, self._of_terminal))

    def seat(self, terminal: str, principal: Principal) -> "Place":
        """Count a connection of this account from this terminal.

        Raises:
            TooManyConnectionsError: of one of the two there are as many already; nothing is counted then.
        """
        place = self.enter(terminal)
        try:
            place.sit(principal)
        except TooManyConnectionsError:
            place.leave()
            raise
        return place

    def of(self, principal: Principal) -> tuple[str, str]:
        """Count a connection of this account.

        Raises:
            TooManyConnectionsError: there are as many already.
        """
        employee = not principal.roles.isdisjoint(EMPLOYEES)
        return self._take("account", principal.id, self._of_employee if employee else self._of_account)

    def _take(self, limit: str, who: str, most: int) -> tuple[str, str]:
        there = self._here.get((limit, who), 0)
        if most and there >= most:
            REFUSED.labels(limit).inc()
            raise TooManyConnectionsError(limit, most)
        self._here[limit, who] = there + 1
        return limit, who

    def give_back(self, taken: tuple[str, str]) -> None:
        left = self._here[taken] - 1
        if left:
            self._here[taken] = left
        else:
            del self._here[taken]


class Place:
    """One connection's. Leave it, or use it as a context."""

    def __init__(self, room: Room, terminal: tuple[str, str]) -> None:
        self._room = room
        self._taken = [terminal]
        self._known = False

    def sit(self, principal: Principal) -> None:
        """It is this account's; a connection never becomes somebody else's.

        Raises:
            TooManyConnectionsError: the account has as many already.
        """
        if not self._known:
            self._taken.append(self._room.of(principal))
            self._known = True

    def leave(self) -> None:
        """It ended; leaving twice changes nothing."""
        taken, self._taken = self._taken, []
        for one in taken:
            self._room.give_back(one)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.leave()
