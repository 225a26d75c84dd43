"""The way in: `GET /v1/chat` becomes a connection. Plain ASGI: nothing stands between it and the server."""

from functools import partial

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from chat_gateway.connections import Connection
from chat_gateway.gate import Arrival, Caller
from chat_gateway.settings import ChatGatewaySettings
from common.errors import MunimentError, UnauthenticatedError
from common.web.callers import authenticated, terminal_of, url_of
from common.web.exchange import admit, count_failure

PATH = "/v1/chat"


class ChatSocket:
    """Stands in front of the application, whose layers would look at every frame for nothing."""

    def __init__(self, app: ASGIApp, settings: ChatGatewaySettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        state = scope["app"].state
        principal, terminal, place = None, terminal_of(scope), None
        try:
            await admit(scope)
            place = state.room.enter(terminal)
            if "authorization" in Headers(scope=scope):
                principal = await authenticated(scope)
                await state.gate.log_in(Caller(principal, terminal))
                place.sit(principal)
        except MunimentError as error:
            if place is not None:
                place.leave()
            if isinstance(error, UnauthenticatedError):
                await count_failure(scope)
            await _refuse(send, error)
            return
        with place:
            await receive()  # websocket.connect
            await send({"type": "websocket.accept"})
            connection = Connection(
                state.chat,
                state.gate,
                self._settings,
                state.verifier,
                state.desks,
                tools=state.tools,
                watches=state.watches,
                snapshots=state.snapshots,
                receive=receive,
                send=send,
                arrival=Arrival(terminal, url_of(scope), place, partial(count_failure, scope)),
            )
            await connection.run(principal)


async def _refuse(send: Send, error: MunimentError) -> None:
    """Answer the handshake with the status instead of a socket."""
    challenge = {"WWW-Authenticate": "Bearer"} | dict(error.headers)
    headers = [(b"content-type", b"application/problem+json")]
    headers += [(name.lower().encode(), value.encode()) for name, value in challenge.items()]
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    body = f'{{"type":"https://muniment.dev/problems/{error.kind}","title":"{error.title}","status":{error.status}}}'
    await send({"type": "websocket.http.response.body", "body": body.encode()})
