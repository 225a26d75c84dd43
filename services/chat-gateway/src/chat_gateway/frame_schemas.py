"""The frames as JSON Schema (draft 2020-12), for clients in other languages; `make schemas` writes them to `protocol/`."""

import json
from typing import Any

from chat_gateway.schemas import from_client, to_client
from chat_gateway.wire import PROTOCOL

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render() -> dict[str, str]:
    """The text of each file, by name."""
    sides = {
        "client-frames.schema.json": ("Frames from a client", from_client.json_schema()),
        "server-frames.schema.json": ("Frames to a client", to_client.json_schema(mode="serialization")),
    }
    return {name: _text(title, schema) for name, (title, schema) in sides.items()}


def _text(title: str, schema: dict[str, Any]) -> str:
    head = {"$schema": DIALECT, "title": f"{title}, protocol {PROTOCOL}"}
    return json.dumps(head | schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
