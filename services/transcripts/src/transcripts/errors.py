"""What can go wrong with entries, sealing and reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from common.errors import ForbiddenError, NotFoundError, PoisonEventError


class EntryConflictError(PoisonEventError):
    def __init__(self) -> None:
        super().__init__("data.seq: the session holds another entry under this number")


class SessionSealedError(PoisonEventError):
    def __init__(self) -> None:
        super().__init__("data.session_id: the session's transcript is sealed, nothing can be added")


class BeyondClosingError(PoisonEventError):
    def __init__(self) -> None:
        super().__init__("data.seq: the session holds an entry beyond its closing entry, or two closing entries")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Why a session whose numbers are complete cannot be sealed.

    Attributes:
        rule: code of the rule that is not met.
        first_seq: number of the first entry that breaks it.
    """

    session_id: UUID
    rule: str
    first_seq: int


class SealRefusedError(PoisonEventError):
    """Complete by number, and yet not what was said: never sealed (invariant 3)."""

    def __init__(self, disagreements: Sequence[Disagreement]) -> None:
        first = disagreements[0]
        super().__init__(f"the session is complete and cannot be sealed: {first.rule} at entry {first.first_seq}")
        self.disagreements = tuple(disagreements)


_NO_TRANSCRIPT = "there is no such transcript, or it is not yours to see"


class NoTranscriptError(NotFoundError):
    def __init__(self) -> None:
        super().__init__(_NO_TRANSCRIPT)


class NotYoursError(ForbiddenError):
    """Answered like what does not exist, word for word: that it exists is private too. The trail says refused."""

    status, kind, title = NotFoundError.status, NotFoundError.kind, NotFoundError.title

    def __init__(self) -> None:
        super().__init__(_NO_TRANSCRIPT)
