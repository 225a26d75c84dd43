"""The topics in code are those of deploy/kafka/topics.yaml, which stands for all."""

from pathlib import Path

import pytest
import yaml

from common.contracts import topics
from muniment.schemas import render_topics_module

YAML = Path(__file__).parents[2] / "deploy" / "kafka" / "topics.yaml"


def test_the_committed_module_is_what_the_file_renders_to() -> None:
    assert Path(topics.__file__).read_text(encoding="utf-8") == render_topics_module(YAML)


def test_every_field_of_the_file_reaches_the_code() -> None:
    in_code = [
        {
            "name": topic.name,
            "key": topic.key,
            "partitions": topic.partitions,
            "retention_days": topic.retention_days,
            "owners": list(topic.owners),
            "readers": list(topic.readers),
            "describes": topic.describes,
        }
        for topic in topics.TOPICS
    ]
    assert in_code == yaml.safe_load(YAML.read_text(encoding="utf-8"))["topics"]


def test_a_topic_without_readers_is_not_rendered(tmp_path: Path) -> None:
    incomplete = tmp_path / "topics.yaml"
    incomplete.write_text("topics: [{name: a.b, key: k, partitions: 1, retention_days: 1, owners: [a]}]")
    with pytest.raises(KeyError, match="readers"):
        render_topics_module(incomplete)
