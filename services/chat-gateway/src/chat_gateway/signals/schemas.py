"""Frames of receipts and of typing. None has a field in which a text could stand."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from chat_gateway.wire import ClientFrame, Id

ReceiptKind = Literal["delivered", "read"]
UpTo = Annotated[int, Field(ge=1, le=2_147_483_647, description="The last entry it covers, and all before it")]


class Mark(ClientFrame):
    """The entries up to this number have come, or were shown to a person who could read them."""

    type: Literal["receipt"]
    session_id: Id
    kind: ReceiptKind
    up_to: UpTo


class Typing(ClientFrame):
    """The sender types, or stopped. It takes on or off and nothing else: what is not sent is not collected."""

    type: Literal["typing"]
    session_id: Id
    on: bool


class Receipt(BaseModel):
    """How far a participant has received or read, and since when."""

    participant_id: Id
    kind: ReceiptKind
    up_to: UpTo
    at: datetime


class ReceiptFrame(Receipt):
    """Somebody in the session received or read further; comes to both sides once it is durable."""

    type: Literal["receipt"] = "receipt"
    session_id: Id


class TypingFrame(BaseModel):
    """Another participant types, or stopped. It counts for eight seconds unless it comes again."""

    type: Literal["typing"] = "typing"
    session_id: Id
    participant_id: Id
    on: bool


class Receipts(BaseModel):
    receipts: list[Receipt] = Field(
        description="Every step in its order: message n was received, or read, at the first step that covers it"
    )
