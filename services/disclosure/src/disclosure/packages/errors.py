"""What is refused of packages, shipments and media, each with its status."""

from common.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


class UnknownPackageError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no package of this id")


class UnknownItemError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("the package has no item of this id")


class UnknownShipmentError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no shipment of this id")


class UnknownMediumError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no medium of this id")


class OwnPreparationError(ForbiddenError):
    """Separation of duties: preparer, reviewer and approver are three people."""

    kind, title = "own-preparation", "Who prepares never reviews, and who did either never approves"


class NotApprovedError(ForbiddenError):
    """Nothing about a living person leaves before somebody approved it (S2-017)."""

    kind, title = "not-approved", "Nothing leaves before its release is approved"

    def __init__(self) -> None:
        super().__init__(
            "the package is not approved: somebody who neither prepared nor reviewed it has to", missing=["approval"]
        )


class NotReadyError(InvalidError):
    """An item left out of review or copying stops the whole release (S2-005, S2-019)."""

    kind, title = "not-ready", "An item is not reviewed, or no clean copy of it was made"


class UncleanCopyError(InvalidError):
    """The copy tells something that it must not (S2-021, S2-022, S2-060)."""

    kind, title = "unclean-copy", "The copy still holds what has to be concealed"


class AlreadyReportedError(ConflictError):
    def __init__(self) -> None:
        super().__init__("this was reported of the shipment already")
