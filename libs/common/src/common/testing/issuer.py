import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from common.auth import DEVELOPMENT_ISSUER
from common.clock import Clock
from common.registers.documents import current_versions
from common.roles import EMPLOYEES, PROGRAMS, position_with

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
"""What the employees of tests are experts in: every topic that the chat gateway offers."""


class Issuer:
    """An identity provider for tests: mints tokens, and writes its public keys where `MUNIMENT_JWKS` can point.

    Args:
        folder: where `jwks.json` goes.
        clock: what the tokens' times count from.
    """

    name = DEVELOPMENT_ISSUER
    audience = "muniment"

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._clock = clock
        self._key = ECKey.generate_key("P-256", {"kid": "test-1", "use": "sig", "alg": "ES256"})
        self.jwks = folder / "jwks.json"
        self.jwks.write_text(json.dumps(KeySet([self._key]).as_dict(private=False)))

    @property
    def environment(self) -> dict[str, str]:
        """The settings with which a service trusts this issuer."""
        return {
            "MUNIMENT_PROFILE": "embedded",
            "MUNIMENT_ISSUER": self.name,
            "MUNIMENT_AUDIENCE": self.audience,
            "MUNIMENT_JWKS": str(self.jwks),
        }

    def mint(self, *roles: str, sub: str | None = None, lifetime: timedelta = timedelta(hours=1), **claims: Any) -> str:
        """A token for these roles, with what a token of that kind carries; `claims` override (None leaves one out)."""
        now = self._clock.now()
        role = roles[0] if roles else "nobody"
        payload: dict[str, Any] = {
            "iss": self.name,
            "aud": self.audience,
            "sub": sub or f"{role}-1",
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "roles": list(roles),
            "auth_time": int(now.timestamp()),
        }
        if EMPLOYEES.intersection(roles):
            payload |= {
                "pin": "100001",
                "display_name": "Ms. Rivera",
                "office": "S01",
                "region": "R1",
                "designations": list(DESIGNATIONS),
                "languages": ["en", "es"],
                "amr": ["sc", "pin"],
                "position": position_with(frozenset(roles)),
                "training_date": now.date().isoformat(),
                "sanctions_date": now.date().isoformat(),
                **current_versions(now.date()),
            }
        if "customer" in roles:
            payload |= {"ial": 2, "aal": 2, "display_name": "A. Customer"}
        if PROGRAMS.intersection(roles):
            payload |= {"client_id": payload["sub"], "auth_time": None}
        payload |= claims
        return jwt.encode(
            {"alg": "ES256", "kid": "test-1"}, {k: v for k, v in payload.items() if v is not None}, self._key
        )

    def headers(self, *roles: str, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.mint(*roles, **claims)}"}
