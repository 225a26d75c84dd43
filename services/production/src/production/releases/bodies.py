"""What goes over the wire about released figures."""

from dataclasses import asdict
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from common.releases.bodies import UseOut
from production.releases.redeeming import Released


class CopyOut(BaseModel):
    """A copy that went. Its bytes: `GET /v1/releases/{grant_id}/copies/{record_id}`."""

    id: UUID
    record_id: UUID
    copy_hash: str = Field(description="SHA-256 of the bytes that went")
    original_hash: str = Field(description="Salted SHA-256 of the record as it was held then")
    kept_until: datetime = Field(description="Until when the bytes can be fetched, by whoever took the grant")


class ReleaseOut(UseOut):
    """What became of a grant."""

    copies: list[CopyOut]

    @classmethod
    def of(cls, found: Released) -> Self:
        copies = [CopyOut(**copy.model_dump(include=set(CopyOut.model_fields))) for copy in found.copies]
        return cls(**{n: v for n, v in asdict(found.use).items() if n != "settled_by"}, copies=copies)
