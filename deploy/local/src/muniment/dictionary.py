"""The data dictionaries of the platform: where they lie, what is wrong with them, and the page that shows them."""

from collections.abc import Iterator
from pathlib import Path

from common.contracts import ALL_EVENTS
from common.registers.coverage import Dictionary, Home, fields_of, uncovered, wrong_in
from common.registers.systems import systems
from muniment.asyncapi import event_schema

COMMON = "libs/common/data-dictionary.yaml"
SERVICES = {
    "chat_gateway": "services/chat-gateway/data-dictionary.yaml",
    "transcripts": "services/transcripts/data-dictionary.yaml",
    "production": "services/production/data-dictionary.yaml",
    "disclosure": "services/disclosure/data-dictionary.yaml",
    "retention": "services/retention/data-dictionary.yaml",
}


def read(root: Path, path: str) -> Dictionary:
    """Raises ValueError: the file is not as it must be; the text says where."""
    return Dictionary.read(root / path, shown_as=path)


def wrong(root: Path) -> Iterator[str]:
    """All that can be told without a database: rows that do not hold, and fields of events that no row covers."""
    for path in (COMMON, *SERVICES.values()):
        yield from wrong_in(read(root, path), systems())
    events = read(root, COMMON).events
    actual = [(name, field) for name, kind in ALL_EVENTS.items() for field in fields_of(event_schema(kind))]
    yield from uncovered(actual, events, path=COMMON, inner="fields")
    for name, kind in ALL_EVENTS.items():
        home = events.get(name)
        if home and home.is_listed and not any(kind.system in entry.system for entry in home.entries.values()):
            yield f"{name}: its class says `system = {kind.system!r}`, which {COMMON} names for none of its fields"
        if home and not home.is_listed and kind.system:
            yield f"{name}: its class names a system of records, and {COMMON} says that it is about nobody"


def render(root: Path) -> str:
    """docs/data-dictionary.md: every table and event with the notices that cover them."""
    lines = [
        "# Data dictionary",
        "",
        "Written by `make schemas` from the files named `data-dictionary.yaml`; a check keeps it current, and another holds",
        "those files against the migrated databases and the contracts of events.",
        "",
        "## Systems of records",
        "",
        "| number | name | notice relied on | covers here |",
        "|---|---|---|---|",
    ]
    for system in systems().systems:
        cited = next(version for version in system.versions if version.cited)
        lines.append(f"| {system.number} | {system.name} | {cited.citation} | {'; '.join(system.families)} |")
    common = read(root, COMMON)
    for title, homes in [
        *((f"Tables of {package}", read(root, path).tables) for package, path in SERVICES.items()),
        ("Tables of every service", common.tables),
        ("Events", common.events),
    ]:
        lines += ["", f"## {title}"]
        for name, home in homes.items():
            lines += ["", *_home(name, home)]
    return "\n".join(lines) + "\n"


def _home(name: str, home: Home) -> Iterator[str]:
    if not home.is_listed:
        why = f"about nobody: {home.nobody}" if home.nobody else f"copies: {home.copies}"
        yield f"`{name}`: {why}."
        return
    tool = f" (data of {home.tool})" if home.tool else ""
    yield f"### `{name}`"
    yield ""
    yield f"{home.says}{tool}."
    yield ""
    yield "| what | means | about | notice | assessed |"
    yield "|---|---|---|---|---|"
    for key, entry in home.entries.items():
        yield f"| `{key}` | {entry.means} | {entry.about} | {', '.join(entry.system)} | {entry.assessed} |"
