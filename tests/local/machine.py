"""The command line as an operator calls it, on ports of its own."""

import os
import subprocess
import sys

from muniment.home import Home
from tests.plugins.ports import free_block


def muniment(home: Home, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")}
    return subprocess.run(
        [sys.executable, "-m", "muniment", *words],
        env={**inherited, "MUNIMENT_HOME": str(home.path), "MUNIMENT_BASE_PORT": str(free_block()), **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
