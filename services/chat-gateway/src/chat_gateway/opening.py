"""The facts with which a session opens, from the token and from the statement shown."""

from datetime import UTC, datetime

from chat_gateway.model import Opening
from chat_gateway.notice import Statement
from common.auth import Principal
from common.clock import rfc3339
from common.errors import ForbiddenError

HIGHEST_LEVEL = 3


def opening_of(principal: Principal, topic: str, statement: Statement, now: str) -> Opening:
    """Raises: ForbiddenError: the token lacks a fact that the session must keep."""
    return Opening(
        topic=topic,
        notice_version=statement.version,
        notice_digest=statement.digest,
        notice_language=statement.language,
        acknowledged_at=now,
        identity_assurance=_level(principal, "ial"),
        authenticator_assurance=_level(principal, "aal"),
        authenticated_at=_authenticated_at(principal),
    )


def _level(principal: Principal, name: str) -> int:
    value = principal.claims.get(name)
    if not isinstance(value, int) or not 0 <= value <= HIGHEST_LEVEL:
        raise ForbiddenError(f"the token carries no {name} between 0 and 3", missing=[f"token.{name}"])
    return value


def _authenticated_at(principal: Principal) -> str:
    value = principal.claims.get("auth_time")
    if not isinstance(value, int) or value <= 0:
        raise ForbiddenError("the token carries no auth_time", missing=["token.auth_time"])
    return rfc3339(datetime.fromtimestamp(value, UTC))
