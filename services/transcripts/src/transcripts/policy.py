"""How far a look at transcripts reaches: the table of permissions says in words, this says in offices and numbers. Pure."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from common.access import OWN_RECORD
from common.access import Scope as Reaches


@dataclass(frozen=True, slots=True)
class Reader:
    """A caller, as far as these rules ask.

    Attributes:
        account, pin: what the blind index may hold for the caller's account id and PIN; empty where they have none.
        office: code of the employee's office.
    """

    account: frozenset[bytes] = frozenset()
    pin: frozenset[bytes] = frozenset()
    office: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which transcripts a reader may see for a purpose: all, those of employees of an office, those of certain parties."""

    everything: bool = False
    offices: frozenset[str] = frozenset()
    numbers: frozenset[bytes] = frozenset()

    def covers(self, *, offices: AbstractSet[str], numbers: AbstractSet[bytes]) -> bool:
        """Whether a transcript whose employees belong to these offices, and whose parties have these numbers, is in it."""
        return self.everything or not self.offices.isdisjoint(offices) or not self.numbers.isdisjoint(numbers)


def scope_of(reader: Reader, scopes: AbstractSet[Reaches], purpose: str) -> Scope:
    """What the reader may see for this purpose.

    A customer sees their own; an agent the sessions they took part in; a supervisor those of their office.
    """
    numbers = reader.account if purpose == OWN_RECORD else reader.pin
    return Scope(
        everything=Reaches.ANY in scopes,
        offices=frozenset({reader.office} - {""}) if Reaches.OFFICE in scopes else frozenset(),
        numbers=numbers if Reaches.OWN in scopes else frozenset(),
    )
