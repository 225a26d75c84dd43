"""One log for all processes: each line begins with the name of who wrote it; old lines give way to new ones."""

import os
import sys
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

LIMIT_BYTES = 10 * 2**20
KEPT = 3
NAME_WIDTH = 19
LONGEST_LINE = 16_384
KEPT_LINES = 40
FAILURE_WORDS = ("FATAL", "PANIC", "ERROR", "rror:", "No space left")
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class LogFile:
    """Appends lines; at `limit` bytes the file moves to `.1`, that one to `.2`, and the oldest goes.

    A full disk loses lines, never the one who writes them.
    """

    def __init__(self, path: Path, *, limit: int = LIMIT_BYTES) -> None:
        self._path = path
        self._limit = limit
        self._lost = 0
        self._file = path.open("ab", buffering=0)

    def write(self, name: str, line: str) -> None:
        """Append one line."""
        text = f"{name:<{NAME_WIDTH}} | {line}\n"
        if self._lost:
            text = f"{'supervisor':<{NAME_WIDTH}} | {self._lost} lines could not be written\n{text}"
        try:
            self._file.write(text.encode(errors="replace"))
            self._lost = 0
            if self._file.tell() > self._limit:
                self._rotate()
        except OSError:
            self._lost += 1

    def _rotate(self) -> None:
        for number in range(KEPT - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._numbered(number).replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        self._file.close()
        self._file = self._path.open("ab", buffering=0)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


class LineSplitter:
    """Cuts what a process writes into lines; what is longer than a line may be is cut too."""

    def __init__(self, name: str, log: LogFile) -> None:
        self._name = name
        self._log = log
        self._rest = b""
        self._kept: deque[str] = deque(maxlen=KEPT_LINES)

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._write(line)
        while len(self._rest) > LONGEST_LINE:
            self._write(self._rest[:LONGEST_LINE])
            self._rest = self._rest[LONGEST_LINE:]

    def finish(self) -> None:
        """Nothing more comes: write what is left."""
        if self._rest:
            self._write(self._rest)
            self._rest = b""

    def _write(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        self._kept.append(text)
        self._log.write(self._name, text)

    def last_words(self) -> str:
        """The line that most likely says why the process ended."""
        return telling(self._kept) or "it left no word"


def telling(lines: Iterable[str]) -> str:
    """The newest line that speaks of a failure, else the newest line; empty when there is none."""
    said = [line.strip() for line in lines if line.strip()]
    failures = [line for line in said if any(word in line for word in FAILURE_WORDS)]
    return (failures or said or [""])[-1]


def show(path: Path, *, names: Collection[str], lines: int, follow: bool) -> None:
    """Print the newest lines of these processes (all when `names` is empty), and go on as they come when asked."""
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in _wanted(_newest(path, names, lines), names):
        print(_painted(line, colours=colours))
    if follow:
        for line in _wanted(_coming(path), names):
            print(_painted(line, colours=colours), flush=True)


def _wanted(lines: Iterator[str], names: Collection[str]) -> Iterator[str]:
    return (line for line in lines if not names or line.partition("|")[0].strip() in names)


def _newest(path: Path, names: Collection[str], count: int) -> Iterator[str]:
    kept: list[str] = []
    for file in (path.with_name(f"{path.name}.1"), path):
        with suppress(FileNotFoundError), file.open(errors="replace") as source:
            kept += _wanted((line.rstrip("\n") for line in source), names)
            kept = kept[-count:] if count else []
    return iter(kept)


def _coming(path: Path) -> Iterator[str]:
    source = path.open(errors="replace")
    source.seek(0, os.SEEK_END)
    rest = ""
    while True:
        rest += source.readline()
        if rest.endswith("\n"):
            yield rest.rstrip("\n")
            rest = ""
            continue
        with suppress(FileNotFoundError):
            if path.stat().st_ino != os.fstat(source.fileno()).st_ino:
                source.close()
                source = path.open(errors="replace")
                continue
        time.sleep(0.2)


def _painted(line: str, *, colours: bool) -> str:
    name, bar, text = line.partition(" | ")
    if not colours or not bar:
        return line
    return f"\x1b[{COLOURS[sum(name.strip().encode()) % len(COLOURS)]}m{name} |\x1b[0m {text}"
