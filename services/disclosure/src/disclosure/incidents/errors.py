"""What is refused of incidents and recaptures, each with its status."""

from common.errors import ConflictError, ForbiddenError, NotFoundError


class UnknownIncidentError(NotFoundError):
    """There is none, or it is another office's: the same words."""

    def __init__(self) -> None:
        super().__init__("there is no incident of this id that you work on")


class UnknownRecaptureError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no recapture of this id that you work on")


class StillOutError(ConflictError):
    """Something that got out is neither back nor given up on the National Office's advice (S2-092)."""

    kind, title = "still-out", "Documents are still out"


class OwnIncidentError(ForbiddenError):
    """Separation of duties: who reported an incident neither signs it off nor closes it."""

    kind, title = "own-incident", "Who reports never closes"

    def __init__(self) -> None:
        super().__init__("you reported this incident, so somebody else has to do that")


class AlreadyToldError(ConflictError):
    def __init__(self) -> None:
        super().__init__("this person was told, or it is decided that they need not be")
