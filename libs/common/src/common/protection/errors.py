"""What can go wrong with keys. No text holds a key, or a value that was sealed under one."""

from datetime import datetime

from common.errors import GoneError, MunimentError


class KeyServiceUnavailableError(ConnectionError):
    """The key service cannot be reached for now; the same may succeed later. Keys that are open already go on."""


class KeyServiceDeniedError(MunimentError):
    """The key service lets this process not use the key, or does not know it."""

    status, kind, title = 500, "key-denied", "The key service refuses this"


class KeyDestroyedError(GoneError):
    """The key was destroyed on order, and with it whatever is sealed under it, wherever a copy lies."""

    kind, title = "destroyed", "It was destroyed under an authority"

    def __init__(self, reason: str, at: datetime) -> None:
        super().__init__(
            f"the content was destroyed on {at.date().isoformat()}, reason {reason}", reason=reason, at=at.isoformat()
        )
        self.reason = reason
        self.at = at


class TamperedError(MunimentError):
    """What is sealed does not open in this place: it was changed, or comes from another place."""

    status, kind, title = 500, "tampered", "Sealed content is not what was sealed"
