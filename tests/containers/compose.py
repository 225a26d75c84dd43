"""docker-compose.yml as a test reads it: its containers, and what their environment becomes under one `.env`."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVICES = ("chat-gateway", "transcripts", "production", "disclosure", "retention")
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::(?P<kind>[?-])(?P<rest>[^}]*))?\}")


def environment(name: str, dotenv: Mapping[str, str]) -> dict[str, str]:
    """The environment of a container when these variables are set.

    Raises:
        KeyError: one is not set and the file says that it must be.
    """
    given = CONTAINERS[name].get("environment", {})
    return {key: _VARIABLE.sub(lambda m: _value(m, dotenv), str(text)) for key, text in given.items()}


def folders(name: str, dotenv: Mapping[str, str]) -> dict[str, Path]:
    """Folders of the project that a container sees when these variables are set, by where it sees them."""
    volumes = [one for one in CONTAINERS[name].get("volumes", []) if isinstance(one, dict) and one["type"] == "bind"]
    sources = {one["target"]: _VARIABLE.sub(lambda m: _value(m, dotenv), one["source"]) for one in volumes}
    return {target: ROOT / source for target, source in sources.items() if source.startswith("./")}


def _value(match: re.Match[str], dotenv: Mapping[str, str]) -> str:
    found = dotenv.get(match["name"])
    if found or match["kind"] is None:
        return found or ""
    if match["kind"] == "?":
        raise KeyError(match["name"])
    return str(match["rest"])


def make_secrets(folder: Path, *options: str) -> str:
    """Run what `make secrets` runs on this folder; returns what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "muniment", "secrets", "--folder", str(folder), *options],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def read_dotenv(folder: Path) -> dict[str, str]:
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
