"""Writes the files that are generated from one source, so that they cannot drift apart from it.

Each function returns the text of one file; a test compares it with what is committed.
"""

import json
from pathlib import Path
from typing import Any

import yaml

_TOPICS_HEAD = '''"""Every topic of the platform, written by `make schemas`.

The source is deploy/kafka/topics.yaml: change it there. Kafka's topics and ACLs, the embedded log's topics and
grants, and the event catalogue come from that file too, so what is missing here exists nowhere.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic: what it carries, in which order, for how long, and who may touch it."""

    name: str
    """As it is called in Kafka and in the embedded log; also the stem of the event's type."""

    key: str
    """The field whose value is the record's key. Records of one key keep their order; others need not."""

    partitions: int
    """Into how many ordered parts the keys are spread; when it grows, a key can change its partition."""

    retention_days: int
    """How long the log keeps its copy, read or not. The owner's store is the record, never the topic."""

    owners: tuple[str, ...]
    """The principals that may write. A principal is named like the service's package and database role."""

    readers: tuple[str, ...]
    """The principals that may read; owners may not, unless they stand here too."""

    describes: str
    """In one sentence, what a record of this topic says."""


TOPICS: tuple[TopicSpec, ...] = (
'''


def _principals(names: list[str]) -> str:
    """A tuple of strings as source text, with the comma that a tuple of one needs."""
    inner = ", ".join(json.dumps(name) for name in names)
    return f"({inner},)" if len(names) == 1 else f"({inner})"


def _topic(spec: dict[str, Any]) -> str:
    fields = [
        f"name={json.dumps(spec['name'])}",
        f"key={json.dumps(spec['key'])}",
        f"partitions={int(spec['partitions'])}",
        f"retention_days={int(spec['retention_days'])}",
        f"owners={_principals(spec['owners'])}",
        f"readers={_principals(spec['readers'])}",
        f"describes={json.dumps(spec['describes'], ensure_ascii=False)}",
    ]
    return "    TopicSpec(\n" + "".join(f"        {field},\n" for field in fields) + "    ),\n"


def render_topics_module(yaml_path: Path) -> str:
    """The source of `common/contracts/topics.py`, made from `deploy/kafka/topics.yaml`.

    Raises:
        KeyError: a topic lacks one of its fields.
        OSError: the file cannot be read.
    """
    document = yaml.safe_load(yaml_path.read_text(encoding="utf-8"))
    return _TOPICS_HEAD + "".join(_topic(spec) for spec in document["topics"]) + ")\n"
