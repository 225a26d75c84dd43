"""How much memory the platform takes, as the kernel counts it."""

from collections.abc import Collection
from pathlib import Path


def memory_of(root: int, named: Collection[int]) -> dict[int, int]:
    """Bytes of memory by named process, for the process `root` and all below it.

    A process that is not named counts for the nearest named one above it (PostgreSQL's many for PostgreSQL). Shared
    pages are divided among those who share them, so the sum is what the platform takes.
    """
    children = children_of_all()
    found = dict.fromkeys(named, 0)
    waiting = [(root, root)]
    while waiting:
        pid, above = waiting.pop()
        owner = pid if pid in found else above
        found[owner] = found.get(owner, 0) + _proportional_bytes(pid)
        waiting += [(child, owner) for child in children.get(pid, [])]
    return found


def children_of_all() -> dict[int, list[int]]:
    """The children of each process that has some."""
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it ended meanwhile
            found.setdefault(parent, []).append(int(entry.name))
    return found


def _proportional_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0  # it ended meanwhile, or belongs to another user
    return 0
