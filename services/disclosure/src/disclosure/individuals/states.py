"""The state machine of a request, as `law/states.yaml` says it: which act leads from where to where. People are not its
business: who may do an act stands in the table of permissions, and `by` names the operations.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["notification", "access", "amendment"]
KINDS: tuple[Kind, ...] = ("notification", "access", "amendment")
Outcome = Literal["granted", "granted-in-part", "refused"]
Fact = Literal["verified", "clear", "right_door", "acknowledged", "outcome"]
NOTHING_YET = ""
OWN = "-own"
"""So end the operations by which a person acts for themselves."""

_POSSIBLE: Mapping[Fact, tuple[bool | str, ...]] = {
    "verified": (True, False),
    "clear": (True, False),
    "right_door": (True, False),
    "acknowledged": (True, False),
    "outcome": ("granted", "granted-in-part", "refused"),
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class State(_Part):
    says: str
    final: bool = False
    waits_for: Literal["agency", "person", "nobody"] = "nobody"


class Move(_Part):
    act: str
    from_: tuple[str, ...] = Field(alias="from", min_length=1)
    to: str
    by: tuple[str, ...] = Field(min_length=1)
    kinds: tuple[Kind, ...] = KINDS
    when: Mapping[Fact, bool | str] = Field(default_factory=dict)
    citation: str = ""

    def applies(self, act: str, state: str, kind: Kind, facts: Mapping[str, bool | str]) -> bool:
        return (
            self.act == act
            and state in self.from_
            and kind in self.kinds
            and all(facts.get(name) == value for name, value in self.when.items())
        )


class Machine(_Part):
    states: Mapping[str, State]
    moves: tuple[Move, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        """Refuse a table in which a state is unknown, a final one is left, or an act could lead to two places."""
        for move in self.moves:
            unknown = {*move.from_, move.to} - {NOTHING_YET, *self.states}
            if unknown:
                raise ValueError(f"{move.act}: no such state: {sorted(unknown)}")
            if any(f in self.states and self.states[f].final and f != move.to for f in move.from_):
                raise ValueError(f"{move.act} leaves a final state")
        for act, state, kind, facts in self.combinations():
            if len([m for m in self.moves if m.applies(act, state, kind, facts)]) > 1:
                raise ValueError(f"{act} from {state} leads to two places")
        return self

    def combinations(self) -> Iterator[tuple[str, str, Kind, dict[str, bool | str]]]:
        """Everything that can be asked of the machine."""
        acts = dict.fromkeys(move.act for move in self.moves)
        for values in product(*_POSSIBLE.values()):
            facts: dict[str, bool | str] = dict(zip(_POSSIBLE, values, strict=True))
            for act, state, kind in product(acts, (NOTHING_YET, *self.states), KINDS):
                yield act, state, kind, facts

    def after(self, act: str, state: str, kind: Kind, facts: Mapping[str, bool | str]) -> str | None:
        """The state to which this act leads; None when it is not possible now."""
        return next((m.to for m in self.moves if m.applies(act, state, kind, facts)), None)

    def acts_from(self, state: str, kind: Kind, *, own: bool = False) -> tuple[str, ...]:
        """What may be done in this state, in the table's order. `own`: what the person themselves may do."""
        moves = (m for m in self.moves if state in m.from_ and kind in m.kinds)
        return tuple(dict.fromkeys(m.act for m in moves if not own or any(by.endswith(OWN) for by in m.by)))

    def operations(self) -> set[str]:
        """Every operation of the table of permissions through which something can become of a request."""
        return {operation for move in self.moves for operation in move.by}


@cache
def machine() -> Machine:
    """Raises ValueError: the file does not hold together; the text says where."""
    text = (files("disclosure.individuals") / "law" / "states.yaml").read_text("utf-8")
    return Machine.model_validate(yaml.safe_load(text))


def diagram(drawn: Machine) -> str:
    """The machine as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for move in drawn.moves:
        what = ", ".join(_said(name, value) for name, value in move.when.items())
        label = move.act + (f" [{what}]" if what else "")
        label += "" if move.kinds == KINDS else f" ({', '.join(move.kinds)})"
        lines += [f"    {_node(one)} --> {_node(move.to)}: {label}" for one in move.from_]
    lines += [f"    {_node(name)} --> [*]" for name, state in drawn.states.items() if state.final]
    return "\n".join(lines)


def _said(name: str, value: bool | str) -> str:
    word = name.replace("_", " ")
    return (word if value else f"not {word}") if isinstance(value, bool) else str(value)


def _node(state: str) -> str:
    return state.replace("-", "_") if state else "[*]"
