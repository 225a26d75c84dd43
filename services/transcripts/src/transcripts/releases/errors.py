"""What is refused about layers, each with its status."""

from collections.abc import Sequence

from common.errors import ConflictError, NotFoundError


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
