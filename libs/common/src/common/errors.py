"""The two families of failure, and the form in which each reaches a caller (RFC 9457) or a consumer.

`retryable` tells the consumer loop what to do: try again later, or set the event aside. An exception that is neither
counts as retryable, since nothing is known about it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field. `message` names the rule, never the value."""

    field: str
    message: str


class OperatorError(Exception):
    """What stands in the way of a command, in one sentence for the person who gave it."""


class MunimentError(Exception):
    """A failure that a caller can act on.

    Attributes:
        status: HTTP status.
        kind: short code, the last part of the problem's `type`.
        title: what the kind means, the same for all occurrences.
        retryable: whether the same input may succeed later.
        headers: what the answer's header says besides (RFC 9110: WWW-Authenticate, Retry-After).
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
        self.headers: Mapping[str, str] = {}


class UnauthenticatedError(MunimentError):
    status, kind, title = 401, "unauthenticated", "The caller is not known"


class StepUpError(UnauthenticatedError):
    """Known, but not well or freshly enough for this (RFC 9470).

    Args:
        ial, aal: levels that the proof has to reach; 0 where the level does not matter.
        max_age: seconds since the proof at most; None where its age does not matter.
    """

    kind, title = "insufficient-user-authentication", "Who the caller is has to be proved better, or anew"

    def __init__(
        self, detail: str, *, missing: Sequence[str] = (), ial: int = 0, aal: int = 0, max_age: int | None = None
    ) -> None:
        wanted = [f"ial{ial}"] * bool(ial) + [f"aal{aal}"] * bool(aal)
        super().__init__(
            detail, missing=missing, error="insufficient_user_authentication", acr_values=wanted, max_age=max_age
        )
        challenge = 'Bearer error="insufficient_user_authentication"'
        challenge += f', acr_values="{" ".join(wanted)}"' * bool(wanted)
        challenge += f", max_age={max_age}" * (max_age is not None)
        self.headers = {"WWW-Authenticate": challenge}


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
