"""The two families of failure, and the form in which each reaches a caller (RFC 9457) or a consumer.

`retryable` tells the consumer loop what to do: try again later, or set the event aside. An exception that is neither
counts as retryable, since nothing is known about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field. `message` names the rule, never the value."""

    field: str
    message: str


class MunimentError(Exception):
    """A failure that a caller can act on.

    Attributes:
        status: HTTP status.
        kind: short code, the last part of the problem's `type`.
        title: what the kind means, the same for all occurrences.
        retryable: whether the same input may succeed later.
    """

    status: int = 500
    kind: str = "internal"
    title: str = "Something went wrong here"
    retryable: bool = False

    def __init__(
        self, detail: str, *, errors: Sequence[FieldError] = (), missing: Sequence[str] = (), **more: object
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.missing = tuple(missing)
        self.more = more


class UnauthenticatedError(MunimentError):
    status, kind, title = 401, "unauthenticated", "The caller is not known"


class ForbiddenError(MunimentError):
    status, kind, title = 403, "forbidden", "The caller may not do this"


class NotFoundError(MunimentError):
    status, kind, title = 404, "not-found", "There is no such thing"


class ConflictError(MunimentError):
    status, kind, title = 409, "conflict", "The present state does not allow this"


class GoneError(MunimentError):
    status, kind, title = 410, "gone", "It was here and is no more"


class TooLargeError(MunimentError):
    status, kind, title = 413, "too-large", "The content is too large"


class InvalidError(MunimentError):
    status, kind, title = 422, "invalid", "The input is malformed or a rule is not met"


class TooManyError(MunimentError):
    status, kind, title, retryable = 429, "too-many", "Too many requests", True


class UnavailableError(MunimentError):
    status, kind, title, retryable = 503, "unavailable", "An engine is out of reach for now", True


class PoisonEventError(MunimentError):
    """This event can never be handled as it is: it is set aside with its reason, and the consumer goes on."""

    status, kind, title = 422, "poison-event", "The event cannot be handled"
