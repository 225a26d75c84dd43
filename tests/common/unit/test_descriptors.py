"""A process that serves thousands needs a descriptor for each of them."""

import subprocess
import sys

import pytest

QUESTION = """
import resource
from common.web.app import allow_files
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
allow_files({wanted})
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "then"), [(256, 1500, 65_536, "1500 1500"), (256, 1500, 900, "900 1500"), (700, 900, 500, "700 900")]
)  # fmt: skip
def test_a_server_takes_what_the_machine_allows_and_never_gives_up_what_it_has(
    soft: int, hard: int, wanted: int, then: str
) -> None:
    argv = [sys.executable, "-c", QUESTION.format(soft=soft, hard=hard, wanted=wanted)]
    assert subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split("\n")[0] == then
