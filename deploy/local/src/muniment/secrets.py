"""`muniment secrets`: writes what docker-compose.yml asks for, from `.env.example`, with new secrets where there are none.

`.env` holds passwords; `.secrets/` holds the keys that release grants and audit heads are signed with, which are read as files.
"""

import argparse
import json
import os
import re
import secrets
from pathlib import Path

from joserfc.jwk import ECKey

from common.audit.heads import make_missing_keys
from common.auth import DEVELOPMENT_ISSUER
from common.protection.key_file import make_key_file
from common.protection.making import EVENTS, key_file
from muniment.home import CHECKOUT, SERVICES, find_home, write_private
from muniment.kafka import new_cluster_id
from muniment.tokens import Issuer

_LINE = re.compile(r"^(?P<off>#?)(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$", re.MULTILINE)
GRANT_KEY = Path(".secrets") / "grant-key.pem"
GRANT_KEYS = "grant-keys.json"
WRAPPING_KEYS = Path(".secrets") / "keys"
AUDIT_KEYS = Path(".secrets") / "audit"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("secrets", help="write .env for docker-compose.yml, with new passwords")
    parser.add_argument("--folder", type=Path, default=CHECKOUT, help="where .env.example is")
    parser.add_argument("--development", action="store_true", help="trust the development issuer of this machine")
    parser.set_defaults(func=_secrets)


def _secrets(options: argparse.Namespace) -> None:
    missing = write(options.folder, development_settings() if options.development else {})
    print(
        f"{options.folder / '.env'} and {options.folder / GRANT_KEY.parent} are written; only their owner can reach them."
    )
    if missing:
        print(f"Say in .env what nobody else can know: {', '.join(missing)}.")


def development_settings() -> dict[str, str]:
    """How containers trust the development issuer of this machine, which is made if there is none."""
    home = find_home()
    home.prepare()
    return {
        "MUNIMENT_PROFILE": "embedded",
        "MUNIMENT_ISSUER": DEVELOPMENT_ISSUER,
        "MUNIMENT_JWKS": "/run/muniment/jwks.json",
        "MUNIMENT_JWKS_FILE": str(Issuer(home).jwks),
    }


def write(folder: Path, settings: dict[str, str]) -> list[str]:
    """Write or complete `.env` beside `.env.example`, and the key for grants. Returns what still has no value.

    What already has a value keeps it: engines remember the passwords they were first started with.
    """
    target = folder / ".env"
    known = {name: value for name, value in values(target.read_text() if target.exists() else "").items() if value}
    text = completed((folder / ".env.example").read_text(), settings | known)
    write_private(target, text)
    _write_grant_key(folder / GRANT_KEY)
    # Readable by a container's user, who is nobody on this machine; the folder keeps others out.
    make_missing_keys(folder / AUDIT_KEYS, SERVICES, mode=0o444)
    for name in (EVENTS, *SERVICES):
        make_key_file(key_file(folder / WRAPPING_KEYS, name), mode=0o444)
    return [name for name, value in values(text).items() if not value]


def values(text: str) -> dict[str, str]:
    """What a file of this kind sets; lines that are commented out set nothing."""
    return {match["name"]: match["value"] for match in _LINE.finditer(text) if not match["off"]}


def completed(example: str, known: dict[str, str]) -> str:
    """The example's text with what is known, and with new secrets where nothing is."""
    left = dict(known)

    def line_with_value(match: re.Match[str]) -> str:
        name = match["name"]
        if match["off"] and name not in left:
            return match[0]
        return f"{name}={left.pop(name, '') or match['value'] or generated(name)}"

    text = _LINE.sub(line_with_value, example)
    return text + "".join(f"{name}={value}\n" for name, value in left.items())


def generated(name: str) -> str:
    """A new value for a variable that is a secret; empty for one that only people can know."""
    if name.endswith(("_PASSWORD", "_KEY")):
        return secrets.token_urlsafe(32)
    if name == "KAFKA_CLUSTER_ID":
        return new_cluster_id()
    return ""


def _write_grant_key(file: Path) -> None:
    """The folder keeps others out; the file itself is read by a container's user, who is nobody on this machine."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.parent.chmod(0o700)
    if not file.exists():
        key = ECKey.generate_key("P-256", private=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
        with os.fdopen(descriptor, "wb") as content:
            content.write(key.as_pem(private=True))
        file.chmod(0o444)
    _write_public(file.with_name(GRANT_KEYS), ECKey.import_key(file.read_text()))


def _write_public(file: Path, key: ECKey) -> None:
    """With these whoever holds the records checks a grant; a key that was replaced is added by hand for as long as it counts."""
    if not file.exists():
        key.ensure_kid()
        public = key.as_dict(private=False) | {"use": "sig", "alg": "ES256"}
        file.write_text(json.dumps({"keys": [public]}))
        file.chmod(0o444)
