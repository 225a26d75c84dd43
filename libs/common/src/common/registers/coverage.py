"""Which notice covers each column and each field of an event, and where it was assessed (5 U.S.C. 552a(e)(4), S3 2.1;
S1-009, S3-022, S3-117, S3-124).

Each service has a `data-dictionary.yaml` beside its sources; `libs/common` has one for the tables that every service has and
for the events. What stands in a database or in a contract and not in these files fails the build, and the other way round.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.registers.systems import Systems

About = Literal["customer", "employee", "requestor", "recipient", "nobody"]


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entry(Row):
    """One column or field: what it means, whose data it is, the notices that cover it, and where it was assessed."""

    means: str = Field(min_length=3)
    about: About
    system: tuple[str, ...] = Field(min_length=1)
    assessed: str = Field(min_length=5)


class Home(Row):
    """A table, or a kind of event, with everything in it; or the reason why no notice needs to cover it.

    Attributes:
        tool: the reporting tool whose data it holds (S3 appendix A); a notice of that tool covers all that is personal.
        nobody: why nothing in it is about a person. copies: why all of it is covered where it comes from.
    """

    says: str = ""
    tool: str = ""
    nobody: str = ""
    copies: str = ""
    entries: Mapping[str, Entry] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_one_of_three(self) -> Self:
        if sum(map(bool, (self.nobody, self.copies, self.entries))) != 1:
            raise ValueError("list what is in it, or say under `nobody` or `copies` why no notice covers it")
        return self

    @property
    def is_listed(self) -> bool:
        return bool(self.entries)


@dataclass(frozen=True, slots=True)
class Dictionary:
    """One file: tables by name, events by type."""

    path: str
    tables: Mapping[str, Home]
    events: Mapping[str, Home]

    @classmethod
    def read(cls, path: Path, *, shown_as: str) -> Self:
        """Raises ValueError: the file is not as it must be; the text says where."""
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        if unknown := set(document) - {"tables", "events"}:
            raise ValueError(f"{shown_as}: no such part: {', '.join(sorted(unknown))}")
        return cls(
            shown_as,
            _homes(document.get("tables", {}), "columns", shown_as),
            _homes(document.get("events", {}), "fields", shown_as),
        )


def _homes(document: Mapping[str, Any], inner: str, path: str) -> Mapping[str, Home]:
    found = {}
    for name, given in document.items():
        defaults = {key: given[key] for key in ("about", "system", "assessed") if key in given}
        rest = {key: value for key, value in given.items() if key not in {*defaults, inner}}
        entries = {key: _entry(value, defaults) for key, value in given.get(inner, {}).items()}
        try:
            found[name] = Home.model_validate({**rest, "entries": entries})
        except ValueError as error:
            raise ValueError(f"{path}: {name}: {error}") from None
    return found


def _entry(given: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """An entry with what its table says of all; a bare text is what it means."""
    own = given if isinstance(given, dict) else {"means": given}
    entry = {**defaults, **own}
    system = entry.get("system", ())
    return {**entry, "system": (system,) if isinstance(system, str) else system}


def wrong_in(dictionary: Dictionary, systems: Systems) -> Iterator[str]:
    """What does not hold in a file by itself: systems and assessments that nobody registered, tools without their notice."""
    for name, home in {**dictionary.tables, **dictionary.events}.items():
        of_tool = systems.of_tool(home.tool)
        if home.tool and not of_tool:
            yield f"{dictionary.path}: {name}: no notice covers a tool called {home.tool}"
        for key, entry in home.entries.items():
            place = f"{dictionary.path}: {name}.{key}"
            if unknown := set(entry.system) - systems.numbers():
                yield f"{place}: no registered system of records: {', '.join(sorted(unknown))}"
            if not systems.is_assessed(entry.assessed):
                yield (f"{place}: `assessed` must name a registered assessment and the place in it, e.g. "
                       f"`PIA-086 2.1 user id`; register a new assessment in common/registers/systems.yaml")  # fmt: skip
            if home.tool and entry.about != "nobody" and of_tool and of_tool.isdisjoint(entry.system):
                yield f"{place}: {home.tool} is covered by {', '.join(sorted(of_tool))}, and none of them is named"


def uncovered(
    actual: Iterable[tuple[str, str]], homes: Mapping[str, Home], *, path: str, inner: Literal["columns", "fields"]
) -> Iterator[str]:
    """What stands in a database or contract and in no dictionary, or in the dictionary alone; each with what to write.

    Args:
        actual: (table, column), or (type of event, field), as they really are.
        path: file to which a missing row belongs.
    """
    there: dict[str, list[str]] = {}
    for name, key in actual:
        there.setdefault(name, []).append(key)
    part = "tables" if inner == "columns" else "events"
    for name, keys in there.items():
        if name not in homes:
            yield f"{path}: add this under `{part}`, or one line `nobody: reason` in its place:\n{_template(name, inner, keys)}"
        elif homes[name].is_listed:
            for key in keys:
                if key not in homes[name].entries:
                    yield (f"{path}: add under `{part}` → `{name}` → `{inner}`:\n      {key}: what it means"
                           f"\n      (or {{ means:, about:, system:, assessed: }} where these differ from the table's)")  # fmt: skip
    for name, home in homes.items():
        if name not in there:
            yield f"{path}: `{name}` is no longer there: remove it from `{part}`"
        yield from (
            f"{path}: `{name}` has no `{key}` any more: remove the row"
            for key in home.entries
            if name in there and key not in there[name]
        )


def fields_of(schema: Mapping[str, Any]) -> Iterator[str]:
    """The fields of a JSON Schema with dots for what lies inside: `pii.text`. Each once, whatever may stand in its place.

    Of what travels sealed, the fields are those that it has when it is opened.
    """
    definitions = schema.get("$defs", {})

    def objects(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The object schemas that this node may be, in a list or not."""
        node = node.get("x-muniment-opened", node)
        target = definitions[node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
        if target.get("properties"):
            yield target
        for inner in (*target.get("anyOf", ()), *target.get("oneOf", ()), *target.get("allOf", ())):
            yield from objects(inner)
        if isinstance(target.get("items"), dict):
            yield from objects(target["items"])

    def walk(node: Mapping[str, Any], before: str) -> Iterator[str]:
        for name, inner in node["properties"].items():
            inside = list(objects(inner))
            for each in inside:
                yield from walk(each, f"{before}{name}.")
            if not inside:
                yield f"{before}{name}"

    yield from dict.fromkeys(walk(schema, ""))


def _template(name: str, inner: str, keys: Iterable[str]) -> str:
    head = f"  {name}:\n    says: what it holds\n    about: customer | employee | requestor | recipient | nobody\n"
    head += f'    system: "60-0383"\n    assessed: SORN-60-0383 categories of records\n    {inner}:\n'
    return head + "\n".join(f"      {key}: what it means" for key in keys)
