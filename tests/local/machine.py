"""The command line as an operator calls it, on ports of its own."""

import os
import socket
import subprocess
import sys

from muniment.home import Home


def free_base() -> int:
    """The first of a row of ports of which none is taken now."""
    for base in range(20_001, 60_000, 40):
        listeners: list[socket.socket] = []
        try:
            for port in [*range(base, base + 5), *range(base + 10, base + 15)]:
                listener = socket.socket()
                listeners.append(listener)
                listener.bind(("127.0.0.1", port))
        except OSError:
            continue
        finally:
            for listener in listeners:
                listener.close()
        return base
    raise AssertionError("no row of free ports")


def muniment(home: Home, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")}
    return subprocess.run(
        [sys.executable, "-m", "muniment", *words],
        env={**inherited, "MUNIMENT_HOME": str(home.path), "MUNIMENT_BASE_PORT": str(free_base()), **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
