"""What a way into another system looks like to the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Question:
    """Attributes:
    look_up_id: ours, by which both sides find the look again.
    file_id: which file, in the other system's own terms.
    fields: what is asked for, and nothing else.
    agent: user id of the employee who asks.
    """

    look_up_id: UUID
    file_id: str = field(repr=False)
    fields: frozenset[str]
    reason: str
    agent: str


class OtherSystem(Protocol):
    """One of the agency's other files."""

    async def ask(self, question: Question) -> Mapping[str, Value]:
        """What the file says of the fields asked for; those it does not have are left out.

        Raises:
            NoSuchFileError: it has no such file.
            OtherSystemUnavailableError: it does not answer, or not in time.
            OtherSystemGarbledError: it answers something else than agreed.
        """

    async def close(self) -> None: ...
