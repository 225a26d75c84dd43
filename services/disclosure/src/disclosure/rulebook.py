"""Reads the rules that lie in this package as YAML, and names their version by their text."""

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import orjson
import yaml

from disclosure.model import Notice, Rules

SYSTEM = "60-0383"
_DIGEST_LENGTH = 12


@cache
def current() -> Rules:
    """The rules that new decisions are made under.

    Raises:
        ValueError: the files do not hold together; the text says where.
    """
    return rules_from(document(files("disclosure") / "policies" / SYSTEM))


def document(folder: Traversable) -> str:
    """The rules of a folder as one JSON text in a fixed form, so that equal rules are equal texts."""
    notice: dict[str, Any] = yaml.safe_load((folder / "notice.yaml").read_text())
    uses = sorted(f.name for f in folder.iterdir() if f.name.startswith("routine-use-") and f.name.endswith(".yaml"))
    notice["routine_uses"] = [yaml.safe_load((folder / name).read_text()) for name in uses]
    return orjson.dumps(notice, option=orjson.OPT_SORT_KEYS).decode()


def rules_from(text: str) -> Rules:
    """Rules from that text, whether from the files or from the store. Their version ends in the text's digest."""
    notice = Notice.model_validate_json(text)
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
    return Rules(f"{notice.system}/{notice.version}+{digest}", notice, text)
