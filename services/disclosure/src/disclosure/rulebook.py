"""Reads the rules that lie in this package as YAML, and names their version by their text."""

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import orjson
import yaml

from disclosure.model import Notice
from disclosure.question import Rules

SYSTEM = "60-0383"
PRODUCTION_SYSTEM = "DHS/ALL-019"
SYSTEMS = (SYSTEM, PRODUCTION_SYSTEM)
_DIGEST_LENGTH = 12


@cache
def current(system: str = SYSTEM) -> Rules:
    """The rules that new decisions about this system's records are made under.

    Raises:
        ValueError: the files do not hold together; the text says where.
        FileNotFoundError: this service decides under no notice of that system.
    """
    return rules_from(document(files("disclosure") / "policies", folder_of(system)))


def folder_of(system: str) -> str:
    """The name of the folder that holds a system's notice."""
    return system.replace("/", "-")


def system_of(basis: str) -> str:
    """The system whose notice holds this basis. What both hold, and what neither holds, is the conversations'."""
    ours = current()
    known_here = basis in ours.bases or basis in ours.refused
    return PRODUCTION_SYSTEM if not known_here and basis in current(PRODUCTION_SYSTEM).bases else SYSTEM


def document(policies: Traversable, folder: str) -> str:
    """The rules of a system as one JSON text in a fixed form, so that equal rules are equal texts."""
    notice: dict[str, Any] = _read(policies / "shared.yaml") | _read(policies / folder / "notice.yaml")
    notice["routine_uses"] = _read_all(policies / folder, "routine-use-")
    notice["conditions"] = _read_all(policies / "conditions", "")
    return orjson.dumps(notice, option=orjson.OPT_SORT_KEYS).decode()


def rules_from(text: str) -> Rules:
    """Rules from that text, whether from the files or from the store. Their version ends in the text's digest.

    Raises:
        ValueError: the text does not hold together, or is of a form that is read no more.
    """
    notice = Notice.model_validate_json(text)
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
    return Rules(f"{notice.system}/{notice.version}+{digest}", notice, text)


def _read(file: Traversable) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(file.read_text())
    return loaded


def _read_all(folder: Traversable, prefix: str) -> list[dict[str, Any]]:
    names = sorted(f.name for f in folder.iterdir() if f.name.startswith(prefix) and f.name.endswith(".yaml"))
    return [_read(folder / name) for name in names]
