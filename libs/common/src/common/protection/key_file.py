"""The key service of one machine: versions of one AES-256 key in a file that only its owner can read.

For an installation without Vault or a cloud. Whoever can read this file and a backup of the keyring can open everything:
keep the file's own backup apart from those of the databases.
"""

import base64
import binascii
import json
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from common.protection.data_key import KEY_BYTES, DataKey
from common.protection.errors import KeyServiceDeniedError, KeyServiceUnavailableError, TamperedError
from common.protection.key_service import Plain, Wrapped

_NOBODY = UUID(int=0)


class FileKeyService:
    """Args:
    path: the file. It is read anew when it changed, so that a rotation needs no restart.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: tuple[int, int] = (0, 0)
        self._keys: dict[int, DataKey] = {}

    async def wrap(self, keys: Sequence[Plain]) -> list[Wrapped]:
        versions = self._versions()
        newest = max(versions)
        return [Wrapped(_text(newest, versions[newest].seal(k.secret, k.context.encode())), k.context) for k in keys]

    async def unwrap(self, keys: Sequence[Wrapped]) -> list[bytes]:
        versions = self._versions()
        return [self._opened(versions, wrapped) for wrapped in keys]

    async def newest(self) -> int:
        return max(self._versions())

    def version_of(self, wrapped: str) -> int:
        return _taken_apart(wrapped)[0]

    async def rotate(self) -> int:
        kept = _read(self._path)
        number = max(map(int, kept)) + 1
        _write(self._path, kept | {str(number): secrets.token_bytes(KEY_BYTES).hex()})
        return number

    async def retire(self, below: int) -> None:
        kept = _read(self._path)
        _write(self._path, {n: secret for n, secret in kept.items() if int(n) >= min(below, max(map(int, kept)))})

    async def close(self) -> None:
        return

    def _opened(self, versions: dict[int, DataKey], wrapped: Wrapped) -> bytes:
        number, sealed = _taken_apart(wrapped.text)
        if number not in versions:
            raise KeyServiceDeniedError("the version that wraps this key is gone")
        try:
            return versions[number].open(sealed, wrapped.context.encode())
        except TamperedError:
            raise KeyServiceDeniedError("a wrapped key does not open under the key file that is here") from None

    def _versions(self) -> dict[int, DataKey]:
        try:
            found = self._path.stat()
        except OSError as error:
            raise KeyServiceUnavailableError(f"the key file cannot be read: {error.strerror}") from None
        if self._read_at != (found.st_mtime_ns, found.st_ino):
            if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise KeyServiceDeniedError("others than its owner can write the key file")
            self._keys = {int(n): DataKey(_NOBODY, bytes.fromhex(s)) for n, s in _read(self._path).items()}
            self._read_at = (found.st_mtime_ns, found.st_ino)
        return self._keys


def make_key_file(path: Path, *, mode: int = 0o600) -> None:
    """Make a key file with one version; one that is there stays as it is.

    Args:
        mode: wider than 0600 only where the folder keeps others out (a container's user reads it as somebody else).
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, {"1": secrets.token_bytes(KEY_BYTES).hex()}, mode)


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise KeyServiceUnavailableError(f"the key file cannot be read: {error.strerror}") from None
    except ValueError:
        content = None
    if not isinstance(content, dict) or not content:
        raise KeyServiceDeniedError("the key file is damaged: restore it from its backup")
    return content


def _write(path: Path, keys: dict[str, str], mode: int | None = None) -> None:
    """Replace the file in one step."""
    mode = stat.S_IMODE(path.stat().st_mode) if mode is None else mode
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as content:
        content.write(json.dumps(keys))
        content.flush()
        os.fsync(content.fileno())
    beside.chmod(mode)
    beside.replace(path)


def _text(version: int, sealed: bytes) -> str:
    return f"file:{version}:{base64.b64encode(sealed).decode()}"


def _taken_apart(text: str) -> tuple[int, bytes]:
    kind, _, rest = text.partition(":")
    number, _, sealed = rest.partition(":")
    if kind != "file" or not number.isdecimal():
        raise KeyServiceDeniedError("this was not wrapped by a key file")
    try:
        return int(number), base64.b64decode(sealed, validate=True)
    except (ValueError, binascii.Error):
        raise KeyServiceDeniedError("this was not wrapped by a key file") from None
