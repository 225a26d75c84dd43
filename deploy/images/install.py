"""Installs what one member of the workspace needs into an environment, from requirements.lock and nothing else.

Runs while an image is built, with the standard library alone: `install.py LOCK UV PYTHON PYPROJECT...`. A member names
what it needs directly; the lock says which version and which content (hashes) of that and of all that follows from it.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

_NAME = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^]]*\])?")
MEMBERS = "muniment-"
"""Distributions whose names begin so are members of the workspace: their source is copied, nothing is fetched."""


def locked(lock: str) -> dict[str, str]:
    """Normal name → what the lock says after the name: version, marker and hashes."""
    entries = re.sub(r"\\\n\s*", "", lock).splitlines()
    named = (entry.partition("==") for entry in entries if "==" in entry.partition(" ")[0])
    return {normal(name): f"=={rest}" for name, _, rest in named}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str, needed: Iterable[str]) -> list[str]:
    """The lock's entries for these requirements, with the extras that are asked for.

    Raises:
        KeyError: the lock does not know one of them.
    """
    entries = locked(lock)
    found = []
    for requirement in needed:
        match = _NAME.match(requirement)
        if match is None:
            raise KeyError(requirement)
        if not normal(match["name"]).startswith(MEMBERS):
            found.append(f"{match['name']}{match['extras'] or ''}{entries[normal(match['name'])]}")
    return found


def install(lock: Path, uv: str, python: str, pyprojects: Iterable[Path]) -> None:
    """Put these members' dependencies into the environment of `python`, each checked against its hash."""
    needed = [name for path in pyprojects for name in tomllib.loads(path.read_text())["project"]["dependencies"]]
    asked = pins(lock.read_text(), needed)
    if not asked:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(asked) + "\n")
        file.flush()
        options = ["--require-hashes", "--only-binary", ":all:", "--compile-bytecode", "--no-cache"]
        subprocess.run(
            [uv, "pip", "install", "--python", python, *options, "-r", file.name, "-c", str(lock)], check=True
        )


if __name__ == "__main__":
    if sys.argv[1] == "--print":
        print("\n".join(pins(Path(sys.argv[2]).read_text(), sys.argv[3:])))
    else:
        install(Path(sys.argv[1]), sys.argv[2], sys.argv[3], map(Path, sys.argv[4:]))
