"""One log for all processes: names before lines, old lines give way, nothing is lost or mixed."""

from pathlib import Path

import pytest

from muniment.logs import LONGEST_LINE, LineSplitter, LogFile, show, telling


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "muniment.log"


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_lines_carry_the_name_of_who_wrote_them_however_the_bytes_come(path: Path) -> None:
    log = LogFile(path)
    one, other = LineSplitter("one", log), LineSplitter("other", log)
    one.feed(b"half of a l")
    other.feed("naïve\n".encode()[:3])
    one.feed(b"ine\nlast without end")
    other.feed("naïve\n".encode()[3:])
    one.finish()
    assert lines(path) == [
        "one                 | half of a line",
        "other               | naïve",
        "one                 | last without end",
    ]


def test_a_line_without_end_is_cut_and_not_kept_in_memory(path: Path) -> None:
    splitter = LineSplitter("loud", LogFile(path))
    splitter.feed(b"x" * (LONGEST_LINE * 2 + 10))
    assert [len(line.partition("| ")[2]) for line in lines(path)] == [LONGEST_LINE, LONGEST_LINE]


def test_old_lines_give_way_to_new_ones(path: Path) -> None:
    log = LogFile(path, limit=1000)
    for number in range(200):
        log.write("x", f"line {number}")
    files = sorted(file.name for file in path.parent.iterdir())
    assert files == ["muniment.log", "muniment.log.1", "muniment.log.2", "muniment.log.3"]
    assert all(file.stat().st_size < 1100 for file in path.parent.iterdir())
    assert (lines(path) or lines(path.with_name("muniment.log.1")))[-1].endswith("line 199")


def test_the_newest_lines_are_shown_across_a_change_of_files(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = LogFile(path, limit=1000)
    for number in range(60):
        log.write("a" if number % 2 else "b", f"line {number}")
    show(path, names=["a"], lines=3, follow=False)
    assert capsys.readouterr().out.splitlines() == [f"a                   | line {number}" for number in (55, 57, 59)]


def test_a_full_disk_loses_lines_and_says_how_many(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogFile(path)

    class Full:
        def write(self, _: bytes) -> None:
            raise OSError(28, "No space left on device")

    real = log._file
    monkeypatch.setattr(log, "_file", Full())
    log.write("a", "lost")
    log.write("a", "lost too")
    monkeypatch.setattr(log, "_file", real)
    log.write("a", "kept")
    assert lines(path) == ["supervisor          | 2 lines could not be written", "a                   | kept"]


def test_the_line_that_tells_why_is_found() -> None:
    assert telling(["all well", "FATAL: no", "bye"]) == "FATAL: no"
    assert telling(["all well", "", "bye "]) == "bye"
    assert telling([]) == ""
