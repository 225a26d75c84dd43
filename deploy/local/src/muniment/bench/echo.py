"""The ceiling of any chat on this server: the same server with the same options, sending back what it gets."""

import sys

import uvicorn
from starlette.types import Receive, Scope, Send

from common.settings import ServiceSettings
from common.web.app import server_options


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application without anything in between."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


if __name__ == "__main__":
    uvicorn.run(echo, **server_options(ServiceSettings(port=int(sys.argv[1]))), lifespan="off")
