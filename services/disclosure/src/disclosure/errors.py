"""What this service refuses, each with its status."""

from common.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


class UnknownRequestError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no request of this id")


class UnknownDecisionError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no decision of this id")


class UnknownSystemError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("no system of records of this number is registered; GET /v1/registers/systems lists them")


class OwnRequestError(ForbiddenError):
    """Separation of duties: who asks never approves."""

    kind, title = "own-request", "Who asks never approves"

    def __init__(self) -> None:
        super().__init__("you made this request, so another privacy officer has to decide it")


class AlreadyReleasedError(ConflictError):
    def __init__(self) -> None:
        super().__init__("what this request asked for was released already; a further release needs a new request")


class NotAllowedError(InvalidError):
    """A release was asked for and the decision is not allow (invariants 4 and 5)."""

    kind, title = "not-allowed", "Nothing leaves without an allow decision"


class UnknownRulesError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("no decision was made under rules of this version")
