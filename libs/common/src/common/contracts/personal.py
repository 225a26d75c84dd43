"""A person's values in events: the member `pii`, and how it stands on the wire.

On the wire `pii` is never in the open: it is sealed under a data key of the session or case (AES-256-GCM), as
`{"key": "<id of the key>", "sealed": "<nonce, ciphertext and tag in Base64>"}`. What is sealed is the canonical JSON of
the object that the event's schema names under `x-muniment-opened`; the associated data is `EventData.place`. So every
copy of an event, in the log, in an outbox, among dead letters or in a backup, dies with its key.
"""

from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema


class Pii(BaseModel):
    """What an event holds of a person, opened."""

    model_config = ConfigDict(frozen=True, extra="ignore")


PiiT = TypeVar("PiiT", bound=Pii)


class SealedPii(BaseModel):
    """A person's values under seal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: UUID = Field(description="Which key of the keyring opens it")
    sealed: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{38,}={0,2}$", repr=False)] = Field(
        description="Base64 of a 12-byte nonce, the AES-256-GCM ciphertext and its 16-byte tag"
    )


class _OnTheWire:
    """The schema of a field that is sealed on the wire, and opened in the memory of those who may."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        sealed, opened = handler(core)["anyOf"]
        return {**sealed, "x-muniment-opened": opened}


ON_THE_WIRE = _OnTheWire()


def opened(pii: SealedPii | PiiT) -> PiiT:
    """These values, where they were opened.

    Raises:
        TypeError: they are sealed here: who reads them has to ask for it (`Subject.opens`).
    """
    if isinstance(pii, SealedPii):
        raise TypeError("pii is sealed here")
    return pii
