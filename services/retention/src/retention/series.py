"""Reads the series and schedule items that come with the package (`schedules/series.toml`)."""

import tomllib
from importlib.resources import files
from typing import get_args

from pydantic import TypeAdapter

from retention.model import Kind, ScheduleItem, Series, SeriesByKind


def load_series() -> SeriesByKind:
    """The series by the kind of their records.

    Raises:
        ValueError: a kind has no series or two, a field is malformed, or an item is named that is not there.
    """
    document = tomllib.loads(files("retention").joinpath("schedules/series.toml").read_text(encoding="utf-8"))
    items = {item.code: item for item in TypeAdapter(list[ScheduleItem]).validate_python(document["item"])}
    found: dict[Kind, Series] = {}
    for fields in document["series"]:
        code = fields.pop("item", None)
        if code is not None and code not in items:
            raise ValueError(f"series {fields['code']} names an item that is not there: {code}")
        series = TypeAdapter(Series).validate_python(fields | {"item": items.get(code)})
        if series.kind in found:
            raise ValueError(f"two series for the kind {series.kind}")
        found[series.kind] = series
    if absent := set(get_args(Kind)) - set(found):
        raise ValueError(f"no series for {', '.join(sorted(absent))}")
    return found
