"""Who calls, and from where: dependencies for routes, and the same for WebSockets."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import Scope

from common.auth import PROGRAMS, Principal, TokenVerifier, bearer
from common.dpop import Proof
from common.web.rates import Charge, Limits, class_of, told
from common.web.terminals import TrustedProxies

_NOBODY_TRUSTED = TrustedProxies(())


async def caller(request: Request) -> Principal:
    """The principal of the token, which a proof of possession accompanies if it is bound to a key.

    Raises:
        UnauthenticatedError: no token, or one that proves nothing.
        TooManyError: they did this too often just now.
    """
    principal = await authenticated(request.scope)
    limits: Limits | None = getattr(request.app.state, "limits", None)
    if limits is not None:
        operation = getattr(request.scope.get("route"), "operation_id", None) or ""
        limit = "programs" if principal.roles <= PROGRAMS else class_of(operation, request.method)
        request.state.rate_headers = told(await limits.require(Charge(limit, principal.id)))
    return principal


async def authenticated(scope: Scope) -> Principal:
    """The principal of a request or of a WebSocket's handshake.

    Raises:
        UnauthenticatedError: no token, more than one, or one that proves nothing.
    """
    headers = Headers(scope=scope)
    given, shown = headers.getlist("authorization"), headers.getlist("dpop")
    # Two would be for two readers, of whom each might take another for the one that counts.
    token = bearer(given[0] if len(given) == 1 else None)
    verifier: TokenVerifier = scope["app"].state.verifier
    return await verifier.verify(token, proof_of(scope, ",".join(shown)))


def proof_of(scope: Scope, text: str) -> Proof:
    """A proof of possession beside the request that it has to be for."""
    return Proof(text, scope.get("method", "GET"), url_of(scope))


def url_of(scope: Scope) -> str:
    """The address of this request as callers know it: under `public_url`, else as the connection and Host say."""
    known: str = getattr(scope["app"].state, "public_url", "")
    host = Headers(scope=scope).get("host", "")
    path: str = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    return f"{known.rstrip('/') or scope['scheme'] + '://' + host}{path}"


def terminal_of(scope: Scope) -> str:
    """The network terminal of a request or a WebSocket, as this server or a trusted proxy saw it (S3-103)."""
    proxies: TrustedProxies = getattr(scope["app"].state, "proxies", _NOBODY_TRUSTED)
    return proxies.terminal(scope)


def terminal(request: Request) -> str:
    """The network terminal of the connection; what the client says of itself is not asked."""
    return terminal_of(request.scope)


Caller = Annotated[Principal, Depends(caller)]
Terminal = Annotated[str, Depends(terminal)]
