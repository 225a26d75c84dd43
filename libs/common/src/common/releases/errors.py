"""What is refused about grants and copies, each with its status."""

from common.errors import ConflictError, ForbiddenError, GoneError, NotFoundError


class GrantRefusedError(ForbiddenError):
    """No grant, no bytes (invariant 4). `reason` is a code; what the token says is not repeated."""

    kind, title = "grant-refused", "This is no grant that lets anything out"

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail, reason=reason)


class GrantUsedError(ConflictError):
    """A grant works once."""

    kind, title = "grant-used", "A release grant works once"

    def __init__(self) -> None:
        super().__init__("this grant was used, handed back, or has run out: a further release needs a new request")


class NoSuchReleaseError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no such release, or it is not yours")


class CopyGoneError(GoneError):
    def __init__(self) -> None:
        super().__init__("the bytes of this copy were let go when its days were over; its hash remains")
