"""A development issuer: it signs tokens for anyone who can read the state folder.

Services admit it in the embedded profile only. Nothing here proves who somebody is; an agency's OpenID Connect
provider does that.
"""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from common.auth import DEVELOPMENT_ISSUER, ROLES
from common.clock import Clock, SystemClock
from common.registers.documents import current_versions
from common.roles import position_with
from muniment.errors import PlainError
from muniment.home import Home, read_json, write_json, write_private

AUDIENCE = "muniment"
LIFETIME = timedelta(hours=12)
WARNING = "These tokens are for development only: whoever can read the state folder can make more of them."

EMPLOYEES = (
    "agent", "supervisor", "quality_reviewer", "analyst", "office_admin", "regional_admin", "hq_admin",
    "privacy_officer", "records_officer", "auditor",
)  # fmt: skip
"""Roles of the agency's own people, in the order of the PINs that their development tokens carry."""

DESIGNATIONS = (
    "general",
    "retirement",
    "disability",
    "survivors",
    "medicare",
    "overpayment",
    "direct-deposit",
    "change-of-address",
    "identity-records",
)
"""Topics for which the employees of development tokens are designated: all."""

PROGRAMS = ("portal", "case_system")
EVERY_ROLE = ("customer", *EMPLOYEES, *PROGRAMS)


class Issuer:
    """Args:
    home: the state folder; the key is made there once.
    """

    def __init__(self, home: Home, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.jwks: Path = home.issuer / "jwks.json"
        self._key = self._load_or_make(home.issuer / "private.json")

    def _load_or_make(self, file: Path) -> ECKey:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = read_json(file)
        if not content:
            made = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"})
            content = {**made.as_dict(private=True), "kid": f"development-{made.thumbprint()[:12]}"}
            write_json(file, content)
        try:
            key = ECKey.import_key(content)
        except (ValueError, KeyError, TypeError, JoseError):
            raise PlainError(f"{file} is damaged: delete it, and a new key is made at the next start.") from None
        write_private(self.jwks, json.dumps(KeySet([key]).as_dict(private=False)))
        self.jwks.chmod(0o644)  # public keys: a container's own user reads them too
        return key

    def mint(self, role: str, *, sub: str | None = None, **claims: Any) -> str:
        """A token that lasts 12 hours, with what a token of this role carries.

        Args:
            role: one role, or several with commas between.
            sub: the subject; for a customer it is the account's id. By default a name made from the role.
            claims: take the place of the usual ones; None leaves one out.

        Raises:
            PlainError: there is no such role.
        """
        roles = [part.strip() for part in role.split(",")]
        unknown = [part for part in roles if part not in ROLES]
        if unknown:
            raise PlainError(f"There is no role {unknown[0]}: the roles are {', '.join(EVERY_ROLE)}.")
        now = self._clock.now()
        payload: dict[str, Any] = {
            "iss": DEVELOPMENT_ISSUER,
            "aud": AUDIENCE,
            "sub": sub or f"{roles[0].replace('_', '-')}-1",
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "roles": roles,
        }
        payload |= self._usual(roles, now.date(), int(now.timestamp()))
        if frozenset(PROGRAMS).intersection(roles):
            payload["client_id"] = payload["sub"]
        payload |= claims
        header = {"alg": "ES256", "kid": str(self._key.kid)}
        return jwt.encode(header, {name: value for name, value in payload.items() if value is not None}, self._key)

    def _usual(self, roles: list[str], today: date, now: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if "customer" in roles:
            found |= {"ial": 2, "aal": 2, "auth_time": now, "display_name": "A. Customer"}
        first = next((role for role in EMPLOYEES if role in roles), None)
        if first is not None:
            found |= {
                "pin": str(100001 + EMPLOYEES.index(first)),
                "display_name": first.replace("_", " ").capitalize(),
                "office": "S01",
                "region": "R1",
                "designations": list(DESIGNATIONS),
                "languages": ["en", "es"],
                "amr": ["sc", "pin"],
                "auth_time": now,
                "position": position_with(frozenset(roles)),
                "training_date": today.isoformat(),
                "sanctions_date": today.isoformat(),
                **current_versions(today),
            }
        return found

    def write_tokens(self, folder: Path) -> dict[str, Path]:
        """A fresh token for each role, each in a file that only its owner can read."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = {role: folder / f"{role}.jwt" for role in EVERY_ROLE}
        for role, file in files.items():
            write_private(file, self.mint(role) + "\n")
        return files


def claims_from(words: Sequence[str]) -> dict[str, Any]:
    """Claims from NAME=VALUE; a value that is JSON is taken as such (`ial=1`, `amr=["pwd"]`, `pin=null`).

    Raises:
        PlainError: a word is not of that form.
    """
    found: dict[str, Any] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not sign or not name:
            raise PlainError(f"A claim is given as NAME=VALUE, not as {word}.")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found
