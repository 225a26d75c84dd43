"""How much time of a processor a process and all below it have taken, as the kernel counts it."""

import os
from pathlib import Path

from muniment.memory import children_of_all


def cpu_seconds(root: int) -> float | None:
    """Seconds that the living processes from `root` down have taken; None where the kernel does not tell (no /proc)."""
    if not Path("/proc/self/stat").exists():
        return None
    below, waiting, ticks = children_of_all(), [root], 0
    while waiting:
        pid = waiting.pop()
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        ticks += int(fields[11]) + int(fields[12])  # user and system, of all its threads
        waiting += below.get(pid, [])
    return ticks / os.sysconf("SC_CLK_TCK")
