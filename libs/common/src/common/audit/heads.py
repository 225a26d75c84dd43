"""Signed tree heads: what a service states of its audit tree, and whose keys may state it.

A statement is a JWS (RFC 7515, compact, Ed25519) over the JSON object with `service`, `tree_size`, `root_hash` (base64) and
`signed_at` (RFC 3339). Keys are known by their thumbprint (RFC 7638). The set of public keys is a JWK Set in which each key says
under `service` for whom it signs; a key that was replaced stays in it, so that older heads keep their proof.
"""

import base64
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from common.clock import rfc3339
from common.errors import OperatorError

ALGORITHM = "Ed25519"
CURVE: Final = "Ed25519"
PUBLIC_KEYS = "keys.json"


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a service's tree at one moment."""

    service: str
    tree_size: int
    root: bytes
    signed_at: datetime


class HeadKeyError(OperatorError):
    """A key that heads are signed or checked with is missing or is none. The text says which setting names it."""


class UnprovenHeadError(Exception):
    """The statement is not signed by a key of the service that it speaks of."""


class HeadSigner:
    """Signs the heads of one service.

    Args:
        path: file with the private key (PEM); setting `MUNIMENT_AUDIT_KEY_FILE`.

    Raises:
        HeadKeyError: there is no such file, or no Ed25519 key in it.
    """

    def __init__(self, service: str, path: str) -> None:
        self.service = service
        try:
            self._key = OKPKey.import_key(Path(path).read_bytes())
        except (OSError, ValueError, JoseError):
            raise HeadKeyError(_NO_KEY) from None
        if not self._key.is_private or self._key.curve_name != CURVE:
            raise HeadKeyError(_NO_KEY)
        self.key_id = self._key.thumbprint()

    def statement(self, head: Head) -> str:
        """The head with this service's signature."""
        text = orjson.dumps(
            {
                "root_hash": b64(head.root),
                "service": head.service,
                "signed_at": rfc3339(head.signed_at),
                "tree_size": head.tree_size,
            }
        )
        return jws.serialize_compact({"alg": ALGORITHM, "kid": self.key_id}, text, self._key, algorithms=[ALGORITHM])


class HeadKeys:
    """The public keys of all services' heads.

    Args:
        entries: the members of a JWK Set, each with `service`.

    Raises:
        HeadKeyError: one is no Ed25519 key or does not say whose it is.
    """

    def __init__(self, entries: Iterable[Mapping[str, str]]) -> None:
        self._keys: dict[str, tuple[str, OKPKey]] = {}
        for entry in entries:
            try:
                public: dict[str, str | list[str]] = {name: entry[name] for name in ("kty", "crv", "x")}
                key, service = OKPKey.import_key(public), entry["service"]
            except (KeyError, ValueError, JoseError):
                raise HeadKeyError(_NO_KEYS) from None
            self._keys[key.thumbprint()] = (service, key)

    @classmethod
    def read(cls, path: str) -> "HeadKeys":
        """From a file; setting `MUNIMENT_AUDIT_KEYS`.

        Raises:
            HeadKeyError: there is no such file, or no key set in it.
        """
        try:
            return cls(json.loads(Path(path).read_bytes())["keys"])
        except (OSError, ValueError, KeyError, TypeError):
            raise HeadKeyError(_NO_KEYS) from None

    def trusts(self, service: str, key_id: str) -> bool:
        """Whether this key may sign for this service."""
        return key_id in self._keys and self._keys[key_id][0] == service

    def check(self, statement: str) -> Head:
        """What the statement says, if it is signed by a key of the service it speaks of.

        Raises:
            UnprovenHeadError: it is not.
        """
        try:
            unchecked = jws.extract_compact(statement.encode())
            service, key = self._keys[str(unchecked.headers().get("kid", ""))]
            text = orjson.loads(jws.deserialize_compact(statement, key, algorithms=[ALGORITHM]).payload)
            head = Head(
                str(text["service"]), int(text["tree_size"]), unb64(text["root_hash"]), moment(text["signed_at"])
            )
        except (JoseError, KeyError, ValueError, TypeError):
            raise UnprovenHeadError("no key that is known signed this") from None
        if head.service != service:
            raise UnprovenHeadError("the key belongs to another service")
        return head


_NO_KEY = "MUNIMENT_AUDIT_KEY_FILE must name the file of the Ed25519 key that signs this service's audit heads"
_NO_KEYS = "MUNIMENT_AUDIT_KEYS must name the key set (each key with its service) that audit heads are checked with"


def signer_of(service: str, key_file: str, keys: str) -> HeadSigner:
    """The signer of a service, once it is sure that others can check what it signs.

    Raises:
        HeadKeyError: one of the files is missing, or its key is not in the set.
    """
    signer = HeadSigner(service, key_file)
    if not HeadKeys.read(keys).trusts(service, signer.key_id):
        raise HeadKeyError(f"{_NO_KEYS}; the key that signs for {service} is not in it")
    return signer


def make_key(folder: Path, service: str, *, mode: int = 0o600) -> Path:
    """A new key for a service's heads: the private one takes the place of the one before, the public one is added to the set.

    Args:
        mode: of the private key's file.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = OKPKey.generate_key(CURVE, private=True)
    private, public = folder / f"{service}.pem", folder / PUBLIC_KEYS
    known = json.loads(public.read_text())["keys"] if public.exists() else []
    known.append({**key.as_dict(private=False), "kid": key.thumbprint(), "service": service})
    _replace(public, json.dumps({"keys": known}, indent=1).encode(), 0o644)
    _replace(private, key.as_pem(private=True), mode)
    return private


def make_missing_keys(folder: Path, services: Iterable[str], *, mode: int = 0o600) -> None:
    """Keys for the services that have none in this folder yet."""
    for service in services:
        if not (folder / f"{service}.pem").exists():
            make_key(folder, service, mode=mode)


def _replace(path: Path, content: bytes, mode: int) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    beside.chmod(mode)
    beside.replace(path)


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def unb64(text: str) -> bytes:
    """Raises: ValueError: the text is no base64."""
    return base64.b64decode(text, validate=True)


def moment(text: str) -> datetime:
    """Raises: ValueError: no time, or one without its offset."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("naive time")
    return found
