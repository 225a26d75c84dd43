"""Why a look into another file is refused, or brought nothing."""

from collections.abc import Iterable

from common.errors import FieldError, ForbiddenError, InvalidError, MunimentError, UnavailableError

OVER = "the conversation is over"
STRANGER = "the person is no party to what they ask about: no answer could hold anything of another file"


class LookUpNotAllowedError(ForbiddenError):
    """No open conversation calls for this look (S1-038), or none does any more (S1-039)."""

    kind, title = "look-up-not-allowed", "This conversation does not call for this look-up"


class UnknownFieldsError(InvalidError):
    kind, title = "unknown-fields", "The other system is not asked for this"

    def __init__(self, field: str, known: Iterable[str]) -> None:
        super().__init__(f"{field} is one of {', '.join(sorted(known))}", errors=[FieldError(field, "not registered")])


class NotConnectedError(MunimentError):
    status, kind, title = 503, "other-system-not-connected", "The agency has not connected this system"

    def __init__(self) -> None:
        super().__init__("the agency has not connected this system to the gateway")


class OtherSystemUnavailableError(UnavailableError):
    kind, title = "other-system-unavailable", "The other system does not answer"

    def __init__(self, why: str) -> None:
        super().__init__(f"the other system does not answer: {why}; try again later")


class OtherSystemGarbledError(MunimentError):
    """It answered something else than agreed: nothing of it is shown or kept, not even in this text."""

    status, kind, title = 502, "other-system-garbled", "The other system's answer cannot be used"

    def __init__(self, rule: str) -> None:
        super().__init__(f"the other system's answer cannot be used: {rule}")


class NoSuchFileError(MunimentError):
    status, kind, title = 404, "no-such-file", "The other system has no such file"

    def __init__(self) -> None:
        super().__init__("the other system has no file of this id")
