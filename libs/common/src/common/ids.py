"""Identifiers: UUID version 7 (RFC 9562), so that ids made later sort later and indexes grow at one end."""

import uuid_utils.compat
from uuid import UUID


def new_id() -> UUID:
    return uuid_utils.compat.uuid7()
