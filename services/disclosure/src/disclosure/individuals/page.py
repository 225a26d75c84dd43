"""The page docs/individual-requests.md: what a person can ask, prove and expect, drawn from the files that the service runs on."""

from collections.abc import Iterable

from common.access import PERMISSIONS
from disclosure.individuals.doors import aims
from disclosure.individuals.grounds import grounds_for
from disclosure.individuals.identity import IdentityTable, table
from disclosure.individuals.states import KINDS, Move, diagram, machine

_HEAD = """# Requests of individuals about their own records

Written by `make schemas` from `services/disclosure/src/disclosure/individuals/law/` and from the table of permissions: what
stands here is what the service does. How to use it: `services/disclosure/README.md`.
"""


def render() -> str:
    """The page."""
    drawn = machine()
    parts = [
        _HEAD,
        "## What may become of a request\n\n```mermaid\n" + diagram(drawn) + "\n```\n",
        _table(("state", "means", "waits for"), ((n, s.says, s.waits_for) for n, s in drawn.states.items())),
        "## Which act, by whom, by which law\n",
        _table(("act", "from", "to", "kinds", "if", "by", "law"), (_move(move) for move in drawn.moves)),
        _identity(table()),
        "## Where it belongs\n",
        _table(
            ("aim", "what is wanted", "goes to", "why", "law"),
            ((c, a.title, a.to or "stays here", a.because, a.citation) for c, a in aims().items()),
        ),
        "## Why it may be refused\n\nThese and no others. No exemption under 5 U.S.C. 552a(j) or (k) is claimed.\n",
        _table(
            ("request", "ground", "means", "law"),
            (
                (kind, code, ground.says, ground.citation)
                for kind in KINDS
                for code, ground in grounds_for(kind).items()
            ),
        ),
    ]
    return "\n".join(parts)


def _identity(identity: IdentityTable) -> str:
    ways = (
        (channel.title, name, " and ".join(f"`{n}`" for n in way.needs), channel.citation)
        for channel in identity.channels.values()
        for name, way in channel.ways.items()
    )
    closed = (f"{c.title}: {c.because} ({c.citation}).\n" for c in identity.channels.values() if not c.ways)
    besides = ((c.title, " and ".join(f"`{n}`" for n in c.needs) or "nothing") for c in identity.capacities.values())
    medical = (
        (who, " and ".join(f"`{n}`" for n in needs)) for who, needs in identity.sensitive["medical"].needs.items()
    )
    asked = ((f"`{name}`", element.asks, element.citation) for name, element in identity.elements.items())
    return "\n".join(
        [
            "## Who asks: the identity gate\n\nOne complete way of the channel is enough.\n",
            _table(("channel", "way", "needs", "law"), ways),
            *closed,
            "Whoever acts for another shows besides:\n",
            _table(("who", "needs"), besides),
            "And for medical records:\n",
            _table(("who", "needs"), medical),
            "Each element:\n",
            _table(("element", "question", "law"), asked),
        ]
    )


def _move(move: Move) -> tuple[str, ...]:
    facts = ", ".join(f"{name} = {str(value).lower()}" for name, value in move.when.items())
    roles = sorted({role for operation in move.by for role in PERMISSIONS.rows[operation].grants})
    kinds = "all" if move.kinds == KINDS else ", ".join(move.kinds)
    start = ", ".join(one or "(nothing)" for one in move.from_)
    return move.act, start, move.to, kinds, facts, ", ".join(roles), move.citation


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
