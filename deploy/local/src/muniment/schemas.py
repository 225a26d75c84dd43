"""Writes the files that are generated from one source, so that they cannot drift apart from it.

Each function returns the text of one file; a test compares it with what is committed.
"""

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[4]

_TOPICS_HEAD = '''"""Every topic of the platform, written by `make schemas`.

The source is deploy/kafka/topics.yaml: change it there. Kafka's topics and ACLs, the embedded log's topics and
grants, and the event catalogue come from that file too, so what is missing here exists nowhere.
"""

from common.contracts.topic_spec import TopicSpec

__all__ = ["TOPICS", "TopicSpec"]

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


def generated() -> dict[Path, str]:
    """Every generated file: path → the text that it must have."""
    from muniment import asyncapi, client_types, dictionary, permissions_page  # noqa: PLC0415 - reads the topics in code, which may have just been written

    contracts = ROOT / "libs/common/src/common/contracts"
    files = {contracts / "topics.py": render_topics_module(ROOT / "deploy/kafka/topics.yaml")}
    files |= {contracts / "schemas" / name: text for name, text in asyncapi.render_schemas().items()}
    files[ROOT / "docs/asyncapi.json"] = asyncapi.render_asyncapi()
    files[ROOT / "docs/permissions.md"] = permissions_page.render()
    files[ROOT / "docs/events.md"] = asyncapi.render_events_page()
    files[ROOT / "docs/data-dictionary.md"] = dictionary.render(ROOT)
    files[ROOT / "services/chat-gateway/client/src/protocol.ts"] = client_types.render()
    files[ROOT / "docs/individual-requests.md"] = importlib.import_module("disclosure.individuals.page").render()
    protocol = importlib.import_module("chat_gateway.frame_schemas").render()
    files |= {ROOT / "services/chat-gateway/protocol" / name: text for name, text in protocol.items()}
    for name in ("packages", "incidents"):
        page = "release-packages" if name == "packages" else name
        files[ROOT / f"docs/{page}.md"] = importlib.import_module(f"disclosure.{name}.page").render()
    files |= {ROOT / "docs" / name: text for name, text in _notices().items()}
    return files


def _notices() -> dict[str, str]:
    """The notices as pages, by file name, made by the service that decides under them."""
    rendering, rulebook = (
        importlib.import_module("disclosure.rendering"),
        importlib.import_module("disclosure.rulebook"),
    )
    return {f"notice-{rulebook.folder_of(s)}.md": rendering.render(rulebook.current(s)) for s in rulebook.SYSTEMS}


def stale() -> list[Path]:
    """The generated files that are not as they must be, and schema files that no event has any more."""
    files = generated()
    wrong = [path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    left_over = (ROOT / "libs/common/src/common/contracts/schemas").glob("*.json")
    return wrong + [path for path in left_over if path not in files]


def main(options: argparse.Namespace) -> int:
    """`muniment schemas`: write what is not current; with `--check`, only say so and fail."""
    wrong = [path.relative_to(ROOT) for path in stale()]
    if options.check:
        for path in wrong:
            print(f"not current: {path} (make schemas)")
        return 1 if _uncovered() or wrong else 0
    topics = ROOT / "libs/common/src/common/contracts/topics.py"
    if topics.relative_to(ROOT) in wrong:
        topics.write_text(render_topics_module(ROOT / "deploy/kafka/topics.yaml"), encoding="utf-8")
        # The rest is made from the topics in code: a process that has not read the old ones.
        return subprocess.run([sys.executable, "-m", "muniment", "schemas"], check=False).returncode
    for path, text in generated().items():
        if path.relative_to(ROOT) in wrong:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"written: {path.relative_to(ROOT)}")
    for path in stale():
        path.unlink()
        print(f"removed: {path.relative_to(ROOT)}")
    return 1 if _uncovered() else 0


def _uncovered() -> bool:
    """Say which fields of events no notice covers, and whether there are any."""
    from muniment import dictionary  # noqa: PLC0415 - as above

    found = list(dictionary.wrong(ROOT))
    for sentence in found:
        print(sentence)
    return bool(found)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("schemas", help="write the files that are generated from the contracts")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if one is not current")
    parser.set_defaults(func=main)
