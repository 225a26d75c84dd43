"""Identifiers: UUID version 7 (RFC 9562), so that ids made later sort later and indexes grow at one end."""

from uuid import UUID

import uuid_utils
import uuid_utils.compat


def new_id() -> UUID:
    return uuid_utils.compat.uuid7()


def new_id_text() -> str:
    """A new id as text, for where thousands are made in a second and none is needed as an object."""
    return str(uuid_utils.uuid7())
