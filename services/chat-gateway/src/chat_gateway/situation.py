"""Where a session stands, folded from its entries: who has it, about what, on hold or not, and for whom is waited. Pure.

The entries are the record and their numbering is the compare-and-swap between processes, so what they say of ownership holds
everywhere: two agents who accept at the same moment write the same number, and one of them writes it. Who was asked and
has not answered yet is no entry; it stands in the placement (`placements`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chat_gateway.model import Kind, Status
from chat_gateway.routing.ownership import Stage
from chat_gateway.routing.quiet import Quiet


@dataclass(frozen=True, slots=True)
class Situation:
    """Attributes:
    owner: the id, in this session, of the employee who has it; of who had it last when it is closed.
    topic: coded; a transfer may change it.
    held_until: while on hold.
    stranger: the person is no party to what they ask about.
    authorities: who takes part with a proven authority, by the entry of the register.
    quiet: as of the last entry that is no message.
    """

    status: Status = Status.WAITING
    owner: str | None = None
    topic: str = ""
    held_until: datetime | None = None
    stranger: bool = False
    authorities: tuple[tuple[str, str], ...] = ()
    quiet: Quiet = field(default_factory=Quiet)

    @property
    def accompanied(self) -> bool:
        """Whether somebody with a proven authority takes part."""
        return bool(self.authorities)

    @property
    def stage(self) -> Stage:
        if self.status is Status.ACTIVE and self.held_until is not None:
            return Stage.HELD
        return Stage(self.status.value)

    def with_quiet(self, quiet: Quiet) -> "Situation":
        """The same with what was said since taken in."""
        return self if quiet is self.quiet else replace(self, quiet=quiet)

    def after(self, kind: Kind, content: Mapping[str, Any], *, participant_id: str, at: str) -> "Situation":
        """How it stands after an entry that is no message.

        Args:
            content: the entry's members.
            at: RFC 3339.
        """
        now = datetime.fromisoformat(at)
        made = self
        match kind:
            case Kind.OPENED:
                made = replace(self, topic=content["chat_topic"])
            case Kind.JOINED if self.status is Status.ACTIVE:
                pass  # a supervisor, beside the one who has it
            case Kind.JOINED | Kind.TRANSFERRED:
                quiet = self.quiet.paused().agency_spoke(now)
                made = replace(self, status=Status.ACTIVE, owner=participant_id, quiet=quiet)
            case Kind.RETURNED:
                made = Situation(
                    topic=content["chat_topic"], stranger=self.stranger, authorities=self.authorities
                )  # fmt: skip
            case Kind.HELD:
                made = replace(self, held_until=datetime.fromisoformat(content["until"]), quiet=self.quiet.paused())
            case Kind.RESUMED:
                made = replace(self, held_until=None, quiet=self.quiet.agency_spoke(now))
            case Kind.WARNED:
                made = replace(self, quiet=self.quiet.warn(datetime.fromisoformat(content["closes_at"])))
            case Kind.EXTENDED:
                made = replace(self, quiet=self.quiet.extend(now))
            case Kind.CLOSED:
                made = replace(self, status=Status.CLOSED, held_until=None, quiet=self.quiet.paused())
            case _:
                made = self._of_the_person(kind, content, participant_id)
        return made

    def _of_the_person(self, kind: Kind, content: Mapping[str, Any], participant_id: str) -> "Situation":
        """How it stands after an entry about who the person is."""
        if kind is Kind.ACCOMPANIED:
            come = (participant_id, content["authority_id"])
            return replace(self, authorities=(*self.authorities, come))
        return replace(self, stranger=content["standing"] == "stranger") if kind is Kind.REGARDED else self


class Words:
    """Who spoke since the last entry that is no message: two facts, since this is on the way of every message."""

    __slots__ = ("last", "person")

    def __init__(self) -> None:
        self.person = False
        self.last: tuple[bool, str] | None = None

    def copy(self) -> "Words":
        made = Words()
        made.person, made.last = self.person, self.last
        return made

    def spoken(self, *, by_customer: bool, at: str) -> None:
        self.last = (by_customer, at)
        if by_customer:
            self.person = True

    def clear(self) -> None:
        self.person, self.last = False, None

    def quiet_after(self, situation: Situation) -> Quiet:
        """For whom is waited, and since when, with these words taken in. On hold and in the queue nobody waits."""
        quiet = situation.quiet
        if self.last is None:
            return quiet
        if self.person:
            quiet = quiet.person_spoke()
        by_customer, at = self.last
        if by_customer or situation.stage is not Stage.ACTIVE:
            return quiet
        return quiet.agency_spoke(datetime.fromisoformat(at))
