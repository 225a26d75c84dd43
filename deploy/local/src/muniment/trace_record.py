"""How the tests that name obligations ended, written down for one state of the project's files.

tests/plugins/obligation_trace.py writes the record when a test run ends; `muniment.trace` reports it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORD = Path(".muniment/trace.json")
REPORT = Path("docs/traceability.md")
# Outcomes from good to bad: of several reports about one test the worst is what the test is worth.
OUTCOMES = ("passed", "xpassed", "xfailed", "skipped", "failed")


@dataclass(frozen=True)
class Result:
    """How one test ended (one of `OUTCOMES`) and the obligations that it names."""

    outcome: str
    obligations: tuple[str, ...]


@dataclass
class Record:
    """How the tests that name obligations ended, for one state of the files.

    `tree` is the fingerprint of that state. `known` holds every such test there is, once a run has looked at
    the whole suite, and is None before that.
    """

    tree: str
    known: frozenset[str] | None = None
    tests: dict[str, Result] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """True when every test that names an obligation has ended one way or another."""
        return self.known is not None and self.known <= self.tests.keys()

    def with_run(self, tests: Mapping[str, Result], *, whole_suite: Iterable[str] | None) -> Record:
        """This record after a further run over the same files: the later outcome of a test is what counts.

        `whole_suite` names all tests with obligations if the run looked at all of them; a part of the suite
        passes None and leaves the question of completeness as it was.
        """
        merged = {**self.tests, **tests}
        if whole_suite is None:
            return Record(self.tree, self.known, merged)
        known = frozenset(whole_suite)
        return Record(self.tree, known, {name: merged[name] for name in merged if name in known})


# What tests and tools leave behind, and what this program writes: none of it is the project.
_NOT_THE_PROJECT = frozenset({".git", ".coverage", "__pycache__", "dist", "node_modules"})
_HIDDEN_BUT_OURS = frozenset({".ci", ".github"})


def _project_files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _NOT_THE_PROJECT
            and not name.endswith(".egg-info")
            and (not name.startswith(".") or name in _HIDDEN_BUT_OURS)
        )
        for name in sorted(files):
            path = Path(folder, name)
            if name not in _NOT_THE_PROJECT and path != root / REPORT and path.is_file():
                yield path


def fingerprint(root: Path) -> str:
    """A hash (SHA-256, hexadecimal) over names and contents of the project's files, committed or not.

    The commit's id would not do: a test can be edited without a commit, and its old outcome still counted.
    """
    digest = hashlib.sha256()
    for path in _project_files(root):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_record(path: Path) -> Record | None:
    """The stored record, or None where there is none that this version can read."""
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        tests = {
            name: Result(str(entry["outcome"]), tuple(entry["obligations"])) for name, entry in stored["tests"].items()
        }
        known = stored["known"]
        return Record(str(stored["tree"]), None if known is None else frozenset(known), tests)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_record(path: Path, record: Record) -> None:
    """Stores the record whole or not at all, so that a run cut short leaves no half of one."""
    stored = {
        "tree": record.tree,
        "known": None if record.known is None else sorted(record.known),
        "tests": {
            name: {"outcome": result.outcome, "obligations": list(result.obligations)}
            for name, result in sorted(record.tests.items())
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)
