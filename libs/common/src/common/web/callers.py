"""Who calls an HTTP route, and from where: dependencies for routes."""

from typing import Annotated

from fastapi import Depends, Header, Request

from common.auth import Principal, TokenVerifier, bearer


async def caller(
    request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
) -> Principal:
    """The principal of the bearer token.

    Raises:
        UnauthenticatedError: no token, or one that proves nothing.
    """
    verifier: TokenVerifier = request.app.state.verifier
    return await verifier.verify(bearer(authorization))


def terminal(request: Request) -> str:
    """The network terminal of the connection, as this server saw it; what the client says of itself is not asked."""
    return request.client.host if request.client else "unknown"


Caller = Annotated[Principal, Depends(caller)]
Terminal = Annotated[str, Depends(terminal)]
