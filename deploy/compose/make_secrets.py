"""Writes `.env` for docker-compose.yml from `.env.example`, with new passwords where there is none yet.

Needs Python's standard library only: `python3 deploy/compose/make_secrets.py [--development] [FOLDER]`.
"""

import argparse
import os
import re
import secrets
import sys
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

_LINE = re.compile(r"^(?P<off>#?)(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$", re.MULTILINE)
DEVELOPMENT = {
    "MUNIMENT_PROFILE": "embedded",
    "MUNIMENT_ISSUER": "https://issuer.muniment.localhost",
    "MUNIMENT_JWKS": "/run/muniment/jwks.json",
    "MUNIMENT_JWKS_FILE": "./.muniment/issuer/jwks.json",
}
"""The development issuer that `make up` makes on this machine."""


def generated(name: str) -> str:
    """A new value for a variable that is a secret; empty for one that only people can know."""
    if name.endswith(("_PASSWORD", "_KEY")):
        return secrets.token_urlsafe(32)
    if name == "KAFKA_CLUSTER_ID":
        return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return ""


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


def write(folder: Path, *, development: bool) -> list[str]:
    """Write or complete `.env` beside `.env.example`. Returns the variables that still have no value.

    What already has a value keeps it: engines remember the passwords they were first started with.
    """
    target = folder / ".env"
    known = {name: value for name, value in values(target.read_text() if target.exists() else "").items() if value}
    if development:
        known = DEVELOPMENT | known
    text = completed((folder / ".env.example").read_text(), known)
    beside = folder / f".env.{os.getpid()}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.replace(target)
    return [name for name, value in values(text).items() if not value]


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--development", action="store_true", help="trust the development issuer of this machine")
    options = parser.parse_args()
    missing = write(options.folder, development=options.development)
    print(f"{options.folder / '.env'} is written; only its owner can read it.")
    if missing:
        print("Say in it what nobody else can know:", ", ".join(missing))
    return 0


if __name__ == "__main__":
    sys.exit(main())
