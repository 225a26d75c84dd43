"""The series that come with the package are whole, and what is not is refused at the start."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

import retention
from retention import series
from retention.model import Kind
from retention.series import load_series

FILE = Path(str(retention.__file__)).parent / "schedules/series.toml"


def test_every_kind_of_record_has_one_series() -> None:
    found = load_series()
    assert set(found) == set(get_args(Kind))
    assert len({s.code for s in found.values()}) == len(found)
    assert {s.owner for s in found.values()} == {"transcripts", "production", "disclosure"}


def test_no_item_that_comes_with_the_package_gives_authority() -> None:
    """An item without the number of its approval decides nothing; entering it is a records officer's act, not a file's."""
    items = {s.item.code: s.item.status for s in load_series().values() if s.item}
    assert items == {"time-and-production-tracking": "proposed", "grs-4.2-061": "approved"}
    assert not any(s.item.authority for s in load_series().values() if s.item)


def without(text: str, table: str) -> str:
    head, _, tail = text.partition(table)
    return head + tail.partition("\n\n")[2]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: without(text, "[[series]]"), "no series for transcript"),
        (lambda text: text.replace('kind = "action"', 'kind = "transcript"'), "two series for the kind transcript"),
        (lambda text: text.replace('item = "time', 'item = "no-time'), "an item that is not there"),
        (lambda text: text.replace('status = "proposed"', 'status = "granted"'), "status"),
        (lambda text: text.replace("years = 15", 'years = "long"'), "years"),
        (lambda text: text.replace('owner = "transcripts"\n', ""), "owner"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str], says: str
) -> None:
    (tmp_path / "schedules").mkdir()
    (tmp_path / "schedules/series.toml").write_text(change(FILE.read_text()))
    monkeypatch.setattr(series, "files", lambda _package: tmp_path)
    with pytest.raises(ValueError, match=says):
        load_series()
