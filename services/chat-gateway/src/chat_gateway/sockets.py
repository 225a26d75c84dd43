"""The way in: `GET /v1/chat` becomes a connection. Plain ASGI: nothing stands between it and the server."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from chat_gateway.connections import Connection
from chat_gateway.settings import ChatGatewaySettings
from common.auth import bearer
from common.errors import MunimentError

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
        principal = None
        header = Headers(scope=scope).get("authorization")
        if header is not None:
            try:
                principal = await state.verifier.verify(bearer(header))
            except MunimentError as error:
                await _refuse(send, error)
                return
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        terminal = scope["client"][0] if scope.get("client") else "unknown"
        connection = Connection(
            state.chat, self._settings, state.verifier, receive=receive, send=send, terminal=terminal
        )
        await connection.run(principal)


async def _refuse(send: Send, error: MunimentError) -> None:
    """Answer the handshake with the status instead of a socket."""
    headers = [(b"content-type", b"application/problem+json"), (b"www-authenticate", b"Bearer")]
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    body = f'{{"type":"https://muniment.dev/problems/{error.kind}","title":"{error.title}","status":{error.status}}}'
    await send({"type": "websocket.http.response.body", "body": body.encode()})
