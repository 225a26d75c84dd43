"""Renders the catalogue of events from the contracts: JSON Schema files, an AsyncAPI 3 document, and a page to read."""

import json
from inspect import cleandoc
from typing import Any

from common.contracts import ALL_EVENTS
from common.contracts.envelope import CONTENT_TYPE, EventData
from common.contracts.topics import TOPICS, TopicSpec

SCHEMA_BASE = "https://muniment.dev/schemas/"


def event_schema(kind: type[EventData]) -> dict[str, Any]:
    """JSON Schema (2020-12) of one kind of event's data."""
    schema = kind.model_json_schema(mode="validation", ref_template="#/$defs/{model}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{SCHEMA_BASE}{kind.event_type}.json",
        **schema,
    }


def render_schemas() -> dict[str, str]:
    """File name → text of the committed schema of each kind of event."""
    return {f"{name}.json": _json(event_schema(kind)) for name, kind in sorted(ALL_EVENTS.items())}


def render_asyncapi() -> str:
    """The AsyncAPI 3 document of all topics, as JSON."""
    return _json(
        {
            "asyncapi": "3.0.0",
            "info": {
                "title": "Muniment events",
                "version": "1.0.0",
                "description": (
                    "Facts that the five services tell each other. CloudEvents 1.0, binary content mode: "
                    "attributes in headers, data as JSON in the value. A person's values stand in `pii` only."
                ),
                "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            },
            "defaultContentType": CONTENT_TYPE,
            "channels": {t.name: _channel(t) for t in TOPICS},
            "operations": _operations(),
            "components": {
                "messages": {name: _message(kind) for name, kind in sorted(ALL_EVENTS.items())},
                "messageTraits": {"cloudevent": {"headers": _headers()}},
            },
        }
    )


def render_events_page() -> str:
    """docs/events.md: every topic and every kind of event, for people."""
    lines = [
        "# Events",
        "",
        "Written by `make schemas` from `deploy/kafka/topics.yaml` and `common.contracts`; a check keeps it current.",
        "Envelope: CloudEvents 1.0, binary content mode. Schemas: `libs/common/src/common/contracts/schemas/`.",
        "The same for machines: [asyncapi.json](asyncapi.json).",
        "",
    ]
    for topic in TOPICS:
        lines += [
            f"## `{topic.name}`",
            "",
            topic.describes,
            "",
            (
                f"Key `{topic.key}` · {topic.partitions} partitions · kept {topic.retention_days} days · "
                f"written by {_names(topic.owners)} · read by {_names(topic.readers)}"
            ),
            "",
            "| event | says | fields |",
            "|---|---|---|",
        ]
        lines += [_row(name, kind) for name, kind in _kinds_of(topic)]
        lines.append("")
    return "\n".join(lines)


def _row(name: str, kind: type[EventData]) -> str:
    fields = ", ".join(f"`{field}`" for field in kind.model_fields)
    return f"| `{name}` | {_says(kind)} | {fields} |"


def _says(kind: type[EventData]) -> str:
    return cleandoc(kind.__doc__ or "").splitlines()[0]


def _names(principals: tuple[str, ...]) -> str:
    return ", ".join(f"`{p}`" for p in principals)


def _kinds_of(topic: TopicSpec) -> list[tuple[str, type[EventData]]]:
    return [(name, kind) for name, kind in sorted(ALL_EVENTS.items()) if kind.topic == topic.name]


def _channel(topic: TopicSpec) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": topic.describes,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name, _ in _kinds_of(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"retention.ms": topic.retention_days * 86_400_000},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations() -> dict[str, Any]:
    found = {}
    for topic in TOPICS:
        for action, principals in (("send", topic.owners), ("receive", topic.readers)):
            for principal in principals:
                found[f"{principal}.{action}.{topic.name}"] = {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{topic.name}"},
                    "summary": f"{principal} {'tells' if action == 'send' else 'hears'} {topic.name}",
                }
    return found


def _message(kind: type[EventData]) -> dict[str, Any]:
    schema = event_schema(kind)
    return {
        "name": kind.event_type,
        "title": kind.__name__,
        "summary": _says(kind),
        "contentType": CONTENT_TYPE,
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": _inlined(schema)},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"{kind.key_field} of the data"},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _inlined(schema: dict[str, Any]) -> Any:
    """The schema without references, since `$defs` of a payload is not where a document's references begin."""
    definitions = schema.get("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(
                    definitions[node["$ref"].rsplit("/", 1)[1]] | {k: v for k, v in node.items() if k != "$ref"}
                )
            return {k: resolve(v) for k, v in node.items() if k not in {"$defs", "$schema", "$id"}}
        return [resolve(v) for v in node] if isinstance(node, list) else node

    return resolve(schema)


def _headers() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "content-type"],
        "properties": {
            "ce_specversion": {"const": "1.0"},
            "ce_id": {"type": "string", "format": "uuid", "description": "UUID version 7; the inbox goes by it"},
            "ce_type": text,
            "ce_source": {"type": "string", "format": "uri-reference"},
            "ce_subject": {"type": "string", "description": "The same as the record's key"},
            "ce_time": {"type": "string", "format": "date-time"},
            "ce_systemofrecords": {
                "enum": sorted({kind.system for kind in ALL_EVENTS.values()} - {""}),
                "description": "Number of the system of records that the event belongs to; absent: it is about nobody",
            },
            "ce_traceparent": {"type": "string", "description": "W3C trace context of the producer"},
            "content-type": {"const": CONTENT_TYPE},
        },
    }


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
