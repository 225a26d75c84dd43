"""docs/peers-chat.md: every row is there once, and the tests that it names exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLAIN = ("not done", "off: ")
"""How a row begins that names no test: it says what is not there."""


def rows() -> dict[str, tuple[str, list[str]]]:
    """Row → what is done, and the tests."""
    page = (ROOT / "docs/peers-chat.md").read_text("utf-8")
    found = re.findall(r"^\| ([GC]\d\d) \| [^|]+ \| ([^|]+) \|([^|]*)\|$", page, re.MULTILINE)
    assert len({row for row, _, _ in found}) == len(found), "a row stands twice"
    return {row: (here, re.findall(r"`(test_\w+)`", tests)) for row, here, tests in found}


def test_every_row_and_every_complaint_has_its_line() -> None:
    wanted = {f"G{n:02}" for n in range(1, 52)} | {f"C{n:02}" for n in range(1, 13)}
    assert rows().keys() == wanted


def test_each_line_names_tests_that_exist_or_says_plainly_that_there_is_nothing() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    written = set(re.findall(r"^\s*(?:async )?def (test_\w+)", "\n".join(texts), re.MULTILINE))
    for row, (here, tests) in rows().items():
        assert set(tests) <= written, f"{row}: {set(tests) - written}"
        assert tests or here.startswith(PLAIN), f"{row} names no test and does not say that it is not done"
