"""Identifiers: UUID version 7 (RFC 9562), so that ids made later sort later and indexes grow at one end."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    return uuid_utils.compat.uuid7()
