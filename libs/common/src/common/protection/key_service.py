"""The interface of the key service: keeps the keys that wrap data keys, and never gives them out.

Adapters: `key_file` (a file on one machine), `vault` (HashiCorp Vault, Transit), `aws` (AWS KMS). Whatever stands behind
it, a wrapped key is text, and opens only together with the context that it was wrapped with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Plain:
    """A data key in the open, and the context that it is bound to."""

    secret: bytes
    context: str

    def __repr__(self) -> str:
        return "Plain(…)"


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key as it is kept: `text` is the key service's own form."""

    text: str
    context: str


class KeyService(Protocol):
    """One wrapping key with its versions."""

    async def wrap(self, keys: Sequence[Plain]) -> list[Wrapped]:
        """Wrap them under the newest version.

        Raises:
            KeyServiceUnavailableError: not now.
            KeyServiceDeniedError: not by this process.
        """
        ...

    async def unwrap(self, keys: Sequence[Wrapped]) -> list[bytes]:
        """The data keys.

        Raises:
            KeyServiceUnavailableError: not now.
            KeyServiceDeniedError: not by this process, or not these: changed, of a version that is gone, other context.
        """
        ...

    async def newest(self) -> int:
        """Number of the version that wraps now; 0 where the service keeps its versions to itself."""
        ...

    def version_of(self, wrapped: str) -> int:
        """The version that this was wrapped under; 0 where it does not show."""
        ...

    async def rotate(self) -> int:
        """Make a new version, under which everything is wrapped from now on. Returns its number (0: unknown)."""
        ...

    async def retire(self, below: int) -> None:
        """Destroy the versions below this one: what is wrapped under them, in old backups too, stays shut for ever."""
        ...

    async def close(self) -> None: ...
