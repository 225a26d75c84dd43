"""Who signs, as the routes ask for it."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from common.protection.service_keys import ServiceKeys
from disclosure.grants import Signer


class Grants:
    """What a release needs: who signs grants, how long one lasts, and the keys that seal whom it went to."""

    def __init__(self, request: Request) -> None:
        self.column_keys: ServiceKeys = request.app.state.column_keys
        self.signer: Callable[[], Awaitable[Signer]] = request.app.state.signer
        self.seconds: int = request.app.state.grant_seconds


async def at_grants(request: Request) -> Grants:  # a class or a plain function would be called in a thread of its own
    return Grants(request)


AtGrants = Annotated[Grants, Depends(at_grants)]
