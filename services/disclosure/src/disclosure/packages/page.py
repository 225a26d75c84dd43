"""The generated parts of docs/release-packages.md: what may become of what, by whom, and by which way it may go."""

import re
from collections.abc import Iterable, Mapping
from importlib.resources import files

from common.access import PERMISSIONS
from disclosure.machines import Machine, Move, diagram
from disclosure.packages.law_files import Carrier, Sending, machines_of_packages, marking, sending


def parts() -> dict[str, str]:
    """Each generated part, by its name in the page."""
    law = sending()
    return {
        **{kind: drawn(machine) for kind, machine in machines_of_packages().items()},
        "ways": _ways(law),
        "carriers": table(("carrier", "ways", "reports"), (_carrier(c, law) for c in law.carriers.values())),
        "concealing": table(("how", "means"), law.concealing.items()),
        "warning": f"> {marking().text}",
    }


def drawn(machine: Machine) -> str:
    """Diagram, states and moves of one machine."""
    states = table(("state", "means"), ((name, state.says) for name, state in machine.states.items()))
    moves = table(("act", "from", "to", "if", "by", "asked for in"), (_move(move) for move in machine.moves))
    return f"```mermaid\n{diagram(machine)}\n```\n\n{states}\n{moves}"


def _ways(law: Sending) -> str:
    rows = ((n.title, ", ".join(law.ways[w].title for w in n.ways), n.citation) for n in law.natures.values())
    keys = ", ".join(way.title for way in law.ways.values() if way.key)
    return table(("package", "goes by", "asked for in"), rows) + f"\nA key goes by one of: {keys}.\n"


def _carrier(carrier: Carrier, law: Sending) -> tuple[str, str, str]:
    reports = ", ".join(law.events) if carrier.tracks else "nothing: one extract at most"
    return carrier.title, ", ".join(law.ways[w].title for w in carrier.ways), reports


def _move(move: Move) -> tuple[str, ...]:
    facts = ", ".join(f"{name} = {str(value).lower()}" for name, value in move.when.items())
    roles = sorted({role for operation in move.by for role in PERMISSIONS.rows[operation].grants})
    start = ", ".join(one or "(nothing)" for one in move.from_)
    return move.act, start, move.to, facts, ", ".join(roles), move.citation


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def render() -> str:
    """The page: its text with the generated parts in their places.

    Raises:
        ValueError: a part has no place in the text, or a place no part.
    """
    return filled((files("disclosure.packages") / "page.md").read_text("utf-8"), parts())


def filled(text: str, made: Mapping[str, str]) -> str:
    """The text with each `{{name}}` replaced by the part of that name.

    Raises:
        ValueError: a part has no place in the text, or a place no part.
    """
    if (places := set(re.findall(r"\{\{([a-z-]+)\}\}", text))) != set(made):
        raise ValueError(f"places without a part, or parts without a place: {sorted(places ^ set(made))}")
    for name, part in made.items():
        text = text.replace("{{" + name + "}}", part)
    return text
