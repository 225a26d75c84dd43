"""Somebody who asks the service for transcripts, in any role."""

from dataclasses import dataclass
from typing import Any

import httpx

from common.testing import Issuer
from tests.transcripts.conversations import Conversation
from tests.transcripts.store import Store

PURPOSE = {
    "agent": "program-administration",
    "supervisor": "quality-review",
    "quality_reviewer": "quality-review",
    "privacy_officer": "disclosure-processing",
    "records_officer": "records-management",
    "auditor": "audit",
}


@dataclass
class Desk:
    """A client of the service and the transcripts it holds, by the session's account."""

    store: Store
    client: httpx.AsyncClient
    issuer: Issuer

    async def keep(self, *conversations: Conversation) -> list[str]:
        """Seal these; gives their transcripts' ids."""
        for conversation in conversations:
            await self.store.consumer().handle(conversation.records())
        rows = await self.store.rows("SELECT session_id, id FROM transcript")
        ids = {str(r["session_id"]): str(r["id"]) for r in rows}
        return [ids[str(c.session_id)] for c in conversations]

    async def get(self, path: str, role: str, *, purpose: str | None = "", **claims: Any) -> httpx.Response:
        """Ask as this role, for the role's own purpose unless told another (None: none)."""
        headers = self.issuer.headers(role, **claims)
        stated = PURPOSE.get(role) if purpose == "" else purpose
        if stated is not None:
            headers["Purpose-Of-Use"] = stated
        return await self.client.get(path, headers=headers)

    async def trail(self) -> list[Any]:
        return await self.store.rows("SELECT * FROM audit_entry ORDER BY position")
