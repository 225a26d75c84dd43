"""Looks at requests before anything of them is kept: no social security number passes (S3 2.5; invariant 10)."""

import re

from fastapi import Request

from common.errors import FieldError, InvalidError
from common.pii.ssn import fields_with_ssn, holds_ssn
from production.policy import KNOWN_FIELDS, SSN_RULE

_QUERY = frozenset({"date", "purpose"})
_HEADERS = ("Idempotency-Key", "If-Match", "Purpose-Of-Use")

# In a signed token nine digits may stand by chance; it is checked, and none of it is kept.
_GRANT = re.compile(rb'"grant":\s*"[\w-]+\.[\w-]+\.[\w-]+"', re.ASCII)


async def refuse_ssn(request: Request) -> None:
    """Look at everything a request carries that could be kept.

    Raises:
        InvalidError: a social security number stands in it, with the fields; nothing was stored, the refusal is recorded.
    """
    body = _GRANT.sub(b'"grant":""', await request.body())
    found = [f"body.{name}" for name in fields_with_ssn(body, KNOWN_FIELDS)]
    found += [f"path.{name}" for name, value in request.path_params.items() if holds_ssn(value)]
    found += [f"query.{name if name in _QUERY else '(unknown)'}" for name, value in request.query_params.items()
              if holds_ssn(f"{name} | {value}")]  # fmt: skip
    found += [f"header.{name}" for name in _HEADERS if holds_ssn(request.headers.get(name, ""))]
    if found:
        raise InvalidError(f"{', '.join(found)}: {SSN_RULE}", errors=[FieldError(field, SSN_RULE) for field in found])
