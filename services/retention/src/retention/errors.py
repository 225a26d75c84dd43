"""What only this service refuses."""

from common.errors import ConflictError


class DestructionRefusedError(ConflictError):
    """The record may not be destroyed now; `reasons` say why, `missing` what is not known."""

    kind, title = "destruction-refused", "The record may not be destroyed"
