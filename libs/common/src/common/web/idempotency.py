"""Idempotency keys: the same request sent again is answered again, not done again (IETF idempotency-key header)."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Header
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Principal
from common.database import fetch_all, later, require_transaction
from common.errors import ConflictError, FieldError, InvalidError

_CLAIM = """
INSERT INTO idempotency_key (caller, operation, key, request_digest, status, response) VALUES ($1, $2, $3, $4, 0, '')
ON CONFLICT DO NOTHING RETURNING true
"""
# The key is claimed when the row is held: counting it has to wait for the lock.
_HOLD_AND_CLAIM = """
WITH held AS MATERIALIZED ({hold})
INSERT INTO idempotency_key (caller, operation, key, request_digest, status, response)
SELECT $1, $2, $3, $4, 0, '' FROM (SELECT count(*) FROM held) AS counted
ON CONFLICT DO NOTHING RETURNING true
"""
_FIND = "SELECT request_digest, status, response FROM idempotency_key WHERE caller = $1 AND operation = $2 AND key = $3"
_KEEP = "UPDATE idempotency_key SET status = $4, response = $5 WHERE caller = $1 AND operation = $2 AND key = $3"

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Your own id for this request; sending it again does nothing new"),
]


async def once(
    session: AsyncSession,
    *,
    principal: Principal,
    operation: str,
    key: str | None,
    request: BaseModel,
    make: Callable[[], Awaitable[BaseModel]],
    status: int = 201,
    hold: tuple[str, UUID] | None = None,
) -> Response:
    """Do `make` once for this caller, operation and key, in this unit of work; a repetition gets the first answer.

    Args:
        hold: a SELECT … FOR UPDATE of the row with the id `$5`, and that id: it is held from here on, without a round
            trip of its own.

    Raises:
        InvalidError: the header is missing, empty or longer than 200 characters.
        ConflictError: the key was used for another request.
    """
    require_transaction(session)
    if not key or len(key) > 200:  # noqa: PLR2004 - said in the text
        wrong = "the header Idempotency-Key is needed: 1 to 200 characters of your choice"
        raise InvalidError(
            wrong, errors=[FieldError("header.Idempotency-Key", wrong)], missing=["header.Idempotency-Key"]
        )
    digest = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    place = (principal.id, operation, key)
    if not await _claimed(session, (*place, digest), hold):
        earlier = (await fetch_all(session, _FIND, *place))[0]
        if earlier["request_digest"] != digest:
            raise ConflictError("this Idempotency-Key was used for another request")
        return Response(earlier["response"], earlier["status"], {"Idempotent-Replay": "true"}, "application/json")
    response = (await make()).model_dump_json()
    await later(session, _KEEP, *place, status, response)
    return Response(response, status, media_type="application/json")


async def _claimed(session: AsyncSession, values: tuple[str, ...], hold: tuple[str, UUID] | None) -> bool:
    if hold is None:
        return bool(await fetch_all(session, _CLAIM, *values))
    return bool(await fetch_all(session, _HOLD_AND_CLAIM.format(hold=hold[0]), *values, hold[1]))
