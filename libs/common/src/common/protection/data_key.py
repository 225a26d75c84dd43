"""A data key in the open, in the memory of a process: seals and opens small contents with AES-256-GCM."""

import os
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.protection.errors import KeyDestroyedError, TamperedError

KEY_BYTES = 32
NONCE_BYTES = 12
"""Random: at 2^32 contents under one key the chance of a repetition is still one in 2^32 (NIST SP 800-38D, 8.3)."""


class DataKey:
    """One key. Once destroyed it opens nothing more, whoever still holds this object.

    Attributes:
        id: under which the keyring keeps it.
        text: the id as text.
    """

    __slots__ = ("__weakref__", "_aead", "_tombstone", "id", "text")

    def __init__(self, key_id: UUID, secret: bytes) -> None:
        self.text = str(key_id)
        self.id = UUID(self.text)  # the driver's own class of UUID cannot be written as JSON
        self._aead: AESGCM | None = AESGCM(secret)
        self._tombstone: KeyDestroyedError | None = None

    @classmethod
    def destroyed(cls, key_id: UUID, reason: str, at: datetime) -> "DataKey":
        """What stands where a key was."""
        key = cls(key_id, bytes(KEY_BYTES))
        key.destroy(reason, at)
        return key

    @property
    def living(self) -> bool:
        return self._aead is not None

    def destroy(self, reason: str, at: datetime) -> None:
        """Forget the secret."""
        self._aead, self._tombstone = None, KeyDestroyedError(reason, at)

    def check(self) -> None:
        """Raises: KeyDestroyedError: it was destroyed."""
        self._cipher()

    def seal(self, content: bytes, context: bytes) -> bytes:
        """Nonce, ciphertext and tag in one.

        Args:
            context: where the content belongs; it opens in no other place.

        Raises:
            KeyDestroyedError: the key was destroyed.
        """
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, content, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The content.

        Raises:
            KeyDestroyedError: the key was destroyed.
            TamperedError: it was changed, or belongs elsewhere.
        """
        try:
            return self._cipher().decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise TamperedError("sealed content does not open where it stands") from None

    def _cipher(self) -> AESGCM:
        if self._aead is None:
            # A new one each time: an exception that is raised twice would gather tracebacks.
            raise KeyDestroyedError(self._tombstone.reason, self._tombstone.at) if self._tombstone else ValueError
        return self._aead
