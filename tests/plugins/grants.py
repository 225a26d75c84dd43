"""Release grants as disclosure signs them, for the services that take them."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from common.ids import new_id


def write_keys(folder: Path, *keys: ECKey) -> str:
    """Publish these keys as disclosure does; gives the path of the file."""
    file = folder / "grant-keys.json"
    public = [key.as_dict(private=False) | {"use": "sig", "alg": "ES256"} for key in keys]
    file.write_text(json.dumps({"keys": public}))
    return str(file)


def signing_key() -> ECKey:
    key = ECKey.generate_key("P-256", private=True)
    key.ensure_kid()
    return key


def claims_of(holder: str, *records: str, now: datetime, **changes: Any) -> dict[str, Any]:
    """What a grant for these records says; `changes` replace claims."""
    return {
        "iss": "muniment/disclosure", "aud": holder, "sub": f"release:{new_id()}", "jti": str(new_id()),
        "iat": int(now.timestamp()), "nbf": int(now.timestamp()), "exp": int((now + timedelta(hours=1)).timestamp()),
        "request_id": str(new_id()), "decision_id": str(new_id()), "accounting_id": str(new_id()),
        "transcript_ids": list(records), "layer": "redacted", "basis": "routine-use-1",
        "recipient_kind": "congressional-office", "rule_version": "60-0383/2017+0", "elements": [], "withheld": [],
    } | changes  # fmt: skip


def sign(claims: dict[str, Any], key: ECKey, *, typ: str = "release-grant+jwt") -> str:
    return jwt.encode({"alg": "ES256", "kid": key.kid, "typ": typ}, claims, key)
