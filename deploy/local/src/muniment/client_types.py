"""Renders the TypeScript types of the chat's protocol from the schemas of its frames and entries."""

import importlib
import json
from collections.abc import Iterable, Mapping
from inspect import cleandoc
from typing import Any

_HEAD = """\
// Written by `make schemas` from the frames of the chat gateway and the entries of `common.contracts.chat`: change them there.
// A newer gateway may send frames, kinds and members that stand here not yet; whoever reads them passes over those.
"""
_SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
Schema = Mapping[str, Any]


def render() -> str:
    """The source of `services/chat-gateway/client/src/protocol.ts`."""
    schemas = importlib.import_module("chat_gateway.schemas")
    said, told = schemas.from_client.json_schema(), schemas.to_client.json_schema(mode="serialization")
    events = _entries()
    types: dict[str, str] = {}
    for name, schema in (said["$defs"] | told["$defs"]).items():
        if name != "EntryFrame":
            types[name] = _interface(name, schema)
    for schema in events.values():
        types |= {name: _interface(name, of) for name, of in schema.get("$defs", {}).items() if name != "SealedPii"}
        types[schema["title"]] = _interface(schema["title"], schema)
    parts = [
        _HEAD,
        f"export const PROTOCOL = {importlib.import_module('chat_gateway.wire').PROTOCOL};\n",
        *(types[name] for name in sorted(types)),
        _entry_frame(told["$defs"]["EntryFrame"], events),
        _union("ClientFrame", "What a client says.", _variants(said)),
        _union("ServerFrame", "What the gateway says.", _variants(told)),
        _union("ErrorCode", "Why something was refused; PROTOCOL.md says what to do.", _codes()),
    ]
    return "\n".join(parts)


def _entries() -> dict[str, Schema]:
    """Kind of entry → schema of what it holds, with what it says of a person opened."""
    model, views = importlib.import_module("chat_gateway.model"), importlib.import_module("chat_gateway.views")
    found: dict[str, Schema] = {}
    for kind, event in model.EVENTS.items():
        schema = event.model_json_schema()
        pii = schema["properties"].get("pii")
        if pii is not None:
            schema["properties"]["pii"] = opened = pii["x-muniment-opened"]
            held = schema["$defs"][opened["$ref"].rpartition("/")[2]]
            # These are withheld from some readers.
            held["required"] = [name for name in held["required"] if name not in views.WITHHELD]
        found[kind.value] = schema
    return found


def _codes() -> list[str]:
    errors = importlib.import_module("chat_gateway.errors")
    codes = {getattr(errors, name).kind for name in errors.__all__}
    return [json.dumps(code) for code in sorted(codes | {"unauthenticated", "unavailable", "internal"})]


def _variants(schema: Schema) -> list[str]:
    return [ref.rpartition("/")[2] for ref in schema["discriminator"]["mapping"].values()]


def _interface(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    lines = [*_comment(schema, ""), f"export interface {name} {{"]
    for member, of in schema["properties"].items():
        # A frame's `type` has a default for whoever makes it in Python; on the wire it is always there.
        there = member in required or member == "type"
        lines += [*_comment(of, "  "), f"  {member}{'' if there and not _nullable(of) else '?'}: {_type(of)};"]
    return "\n".join([*lines, "}"]) + "\n"


def _entry_frame(schema: Schema, events: Mapping[str, Schema]) -> str:
    """The frame of an entry: what `entry` holds depends on `kind`."""
    members = dict(schema["properties"])
    variants = [f"EntryOf<{json.dumps(kind)}, {events[kind]['title']}>" for kind in members["kind"]["enum"]]
    frame = [
        *_comment(schema, ""),
        "export interface EntryOf<K extends string, E> {",
        '  type: "entry";',
        "  kind: K;",
        "  entry: E;",
    ]
    for name in sorted(members.keys() - {"type", "kind", "entry"}):
        frame += [*_comment(members[name], "  "), f"  {name}?: {_type(members[name])};"]
    frame.append("}\n")
    return "\n".join(frame) + "\n" + _union("EntryFrame", "An entry of a session, by its kind.", variants)


def _union(name: str, says: str, variants: Iterable[str]) -> str:
    return f"/** {says} */\nexport type {name} =\n" + "\n".join(f"  | {one}" for one in dict.fromkeys(variants)) + ";\n"


def _comment(schema: Schema, indent: str) -> list[str]:
    text = cleandoc(schema.get("description", "")).replace("\n", " ").replace("*/", "*")
    return [f"{indent}/** {text} */"] if text and text != "A UUID" else []


def _nullable(schema: Schema) -> bool:
    """Members without a value are left out on the wire, so one that may be null may be missing."""
    return any(one.get("type") == "null" for one in schema.get("anyOf", ()))


def _type(schema: Schema) -> str:
    """The TypeScript of a schema.

    Raises:
        ValueError: this kind of schema has none yet.
    """
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema or "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema or "oneOf" in schema:
        options = schema.get("anyOf") or schema["oneOf"]
        return " | ".join(dict.fromkeys(_type(one) for one in options if one.get("type") != "null"))
    return _of_kind(schema)


def _of_kind(schema: Schema) -> str:
    kind = schema.get("type")
    if kind == "array":
        item = _type(schema["items"])
        return f"({item})[]" if " | " in item else f"{item}[]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"Record<string, {_type(values) if isinstance(values, Mapping) and values else 'unknown'}>"
    if kind in _SCALARS:
        return _SCALARS[kind]
    if not set(schema) - {"title", "description", "default"}:
        return "unknown"
    raise ValueError(f"no TypeScript for the schema {sorted(schema)}")
