"""What is refused about layers, grants and copies, each with its status."""

from collections.abc import Sequence

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


class NotReviewedError(ConflictError):
    """Nothing goes before somebody read it (S2 item 2)."""

    kind, title = "not-reviewed", "A reviewer has to look at it first"

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__("the layer is not there, or not reviewed, for some of the records", missing=missing)


class LeakError(ConflictError):
    """Something that was taken out still stands elsewhere."""

    kind, title = "leak", "What was taken out still stands elsewhere"

    def __init__(self, places: Sequence[str]) -> None:
        super().__init__(
            "something that was taken out in one place stands in another one that would go: take it out there too, or let "
            "it stand in both with a reason",
            places=list(places),
        )


class NoSuchLayerError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("the transcript has no layer of this name")


class LayerExistsError(ConflictError):
    def __init__(self) -> None:
        super().__init__("the transcript has a layer of this name: choose another one")


class ReviewedError(ConflictError):
    def __init__(self) -> None:
        super().__init__("this layer was reviewed and never changes: open another one")


class NoSuchReleaseError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no such release, or it is not yours")


class CopyGoneError(GoneError):
    def __init__(self) -> None:
        super().__init__("the bytes of this copy were let go when its days were over; its hash remains")
