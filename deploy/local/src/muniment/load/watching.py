"""What a process of the platform takes from the machine: memory that is its own, and time on the processors."""

import os
from dataclasses import dataclass
from pathlib import Path

PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Taken:
    """At one moment.

    Attributes:
        resident_kib: memory that stands in RAM.
        cpu_seconds: on the processors since it began.
        files: open descriptors.
    """

    resident_kib: int
    cpu_seconds: float
    files: int

    def since(self, before: "Taken") -> "Taken":
        """What came on top of an earlier moment."""
        return Taken(
            self.resident_kib - before.resident_kib,
            self.cpu_seconds - before.cpu_seconds,
            self.files - before.files,
        )


def taken(*pids: int) -> Taken:
    """What these processes have taken until now, together.

    Raises:
        OSError: one of them does not run.
    """
    found = [_of(Path("/proc") / str(pid)) for pid in pids]
    return Taken(
        sum(one.resident_kib for one in found), sum(one.cpu_seconds for one in found), sum(one.files for one in found)
    )


def _of(process: Path) -> Taken:
    pages = int((process / "statm").read_text().split()[1])
    # The scheduler counts in nanoseconds; `stat` counts in hundredths, too coarse for some thousand messages.
    spent = sum(int(file.read_text().split()[0]) for file in process.glob("task/*/schedstat"))
    return Taken(pages * PAGE_KIB, spent / NANOSECONDS, len(list((process / "fd").iterdir())))
