"""The published language: what is committed is what the code says, and no version ever loses what readers rely on."""

import hashlib
import json
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from common.contracts import ALL_EVENTS
from common.contracts.topics import TOPICS
from muniment import asyncapi, schemas

ASYNCAPI_PACKAGE = "@asyncapi/specs@6.11.1"
ASYNCAPI_SHA512 = "A3WBLqAKGoJ2+6FWFtpjBlCQ1oFCcs4GxF7zsIGvNqp/klGUHjlA3aAcZ9XMMpLGE8zPeYDz2x9FmO6DSuKraQ=="


def test_generated_files_are_current() -> None:
    assert [str(p) for p in schemas.stale()] == []


def test_every_topic_carries_an_event_and_every_event_has_a_topic() -> None:
    assert {t.name for t in TOPICS} == {kind.topic for kind in ALL_EVENTS.values()}
    for kind in ALL_EVENTS.values():
        topic = next(t for t in TOPICS if t.name == kind.topic)
        assert topic.key == kind.key_field
        assert kind.key_field in kind.model_fields


def test_a_person_s_values_stand_in_pii_only() -> None:
    """Free text outside `pii` is where values leak: every text there is a code, an id, a time or a digest."""
    suspicious = {"name", "text", "address", "pin", "ssn", "email", "phone", "account_name", "birth", "case_number"}
    for name, kind in ALL_EVENTS.items():
        outside = {f for f in kind.model_fields if f != "pii"}
        assert not {f for f in outside if any(s in f for s in suspicious)}, name


@pytest.mark.parametrize("topic", ["transcript.closed", "disclosure.requested", "disclosure.decided"])
def test_topics_for_everyone_carry_no_pii(topic: str) -> None:
    assert all("pii" not in kind.model_fields for kind in ALL_EVENTS.values() if kind.topic == topic)


@pytest.mark.parametrize("name", sorted(ALL_EVENTS))
def test_no_version_in_history_is_broken(name: str) -> None:
    """Readers of any committed version of this schema can read what is written today."""
    path = f"libs/common/src/common/contracts/schemas/{name}.json"
    present = json.loads((schemas.ROOT / path).read_text())
    for old in _history(path):
        assert broken_by(old, present) == []


def test_a_lost_or_retyped_or_newly_demanded_field_counts_as_broken() -> None:
    old = {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}
    assert broken_by(old, {"properties": {"b": {"type": "integer"}}, "required": []}) == ["a is gone"]
    retyped = {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a"]}
    assert broken_by(old, retyped) == ["a has another type"]
    demanded = {**old, "properties": {**old["properties"], "c": {"type": "string"}}, "required": ["a", "c"]}  # type: ignore[dict-item]
    assert broken_by(old, demanded) == ["c is newly required"]
    added = {**old, "properties": {**old["properties"], "c": {"type": "string"}}}  # type: ignore[dict-item]
    assert broken_by(old, added) == []


def broken_by(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    found = [f"{f} is gone" for f in old["properties"] if f not in new["properties"]]
    found += [
        f"{f} has another type"
        for f, was in old["properties"].items()
        if f in new["properties"] and _type(was, old) != _type(new["properties"][f], new)
    ]
    return found + [f"{f} is newly required" for f in new.get("required", []) if f not in old.get("required", [])]


def _type(node: dict[str, Any], schema: dict[str, Any]) -> Any:
    if "$ref" in node:
        definition = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        return {f: _type(n, schema) for f, n in definition.get("properties", {}).items()}
    if "anyOf" in node:
        return sorted(str(_type(n, schema)) for n in node["anyOf"])
    return (node.get("type"), node.get("format"))


def _history(path: str) -> list[dict[str, Any]]:
    if shutil.which("git") is None or not (schemas.ROOT / ".git").exists():
        pytest.skip("there is no history here: this is a copy, or git is not installed")
    commits = subprocess.run(
        ["git", "log", "--format=%H", "--", path], cwd=schemas.ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    found = []
    for commit in commits:
        shown = subprocess.run(
            ["git", "show", f"{commit}:{path}"], cwd=schemas.ROOT, capture_output=True, text=True, check=False
        )
        if shown.returncode == 0:
            found.append(json.loads(shown.stdout))
    return [schema for schema in found if _was_in_use(schema)]


def _was_in_use(schema: dict[str, Any]) -> bool:
    """Before what is said of a person was sealed, no event went beyond a developer's machine."""
    said = json.dumps(schema)
    return '"pii"' not in said.replace('"SealedPii"', "") or '"SealedPii"' in said


def test_the_asyncapi_document_obeys_the_official_schema(tmp_path_factory: pytest.TempPathFactory) -> None:
    official = _official_asyncapi_schema(tmp_path_factory.mktemp("asyncapi"))
    jsonschema.Draft7Validator(official).validate(json.loads(asyncapi.render_asyncapi()))


def _official_asyncapi_schema(folder: Path) -> Any:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not here, so the official AsyncAPI schema cannot be had")
    packed = subprocess.run([npm, "pack", ASYNCAPI_PACKAGE], cwd=folder, capture_output=True, text=True, check=False)
    if packed.returncode != 0:
        pytest.skip("the official AsyncAPI schema cannot be fetched")
    archive = folder / packed.stdout.strip().splitlines()[-1]
    assert hashlib.sha512(archive.read_bytes()).digest() == b64decode(ASYNCAPI_SHA512)
    subprocess.run(["tar", "xzf", archive.name], cwd=folder, check=True)
    return json.loads((folder / "package/schemas/3.0.0-without-$id.json").read_text())


def test_topics_yaml_names_only_services_that_exist() -> None:
    document = yaml.safe_load((schemas.ROOT / "deploy/kafka/topics.yaml").read_text())
    known = {p.name for p in schemas.ROOT.glob("services/*/src/*") if p.is_dir()} | {"case_system"}
    for topic in document["topics"]:
        assert {*topic["owners"], *topic["readers"]} <= known
