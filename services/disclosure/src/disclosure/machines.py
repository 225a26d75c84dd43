"""State machines as data: which act leads from where to where, on which facts, by whom. Their diagrams are drawn from them.

A matter (a package, a shipment, an incident ...) has the machine of its kind. People are not a machine's business: who may do
an act stands in the table of permissions, and `by` names the operations.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

NOTHING_YET = ""
Fact = bool | str
Facts = Mapping[str, Fact]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class State(_Part):
    """`final`: nothing follows but acts that change nothing of the state."""

    says: str
    final: bool = False


class Move(_Part):
    act: str
    from_: tuple[str, ...] = Field(alias="from", min_length=1)
    to: str
    by: tuple[str, ...] = Field(min_length=1)
    when: Facts = Field(default_factory=dict)
    citation: str = ""

    def applies(self, act: str, state: str, facts: Facts) -> bool:
        met = all(facts.get(name) == value for name, value in self.when.items())
        return self.act == act and state in self.from_ and met


class Machine(_Part):
    """One kind of matter.

    Attributes:
        matter: what it is called in an answer, e.g. `package`.
        facts: what the moves may depend on, each with every value it can have.
    """

    matter: str
    title: str
    facts: Mapping[str, tuple[Fact, ...]] = Field(default_factory=dict)
    states: Mapping[str, State]
    moves: tuple[Move, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        """Refuse a table in which a state or fact is unknown, a final state is left, or an act could lead to two places."""
        for move in self.moves:
            unknown = {*move.from_, move.to} - {NOTHING_YET, *self.states} | set(move.when) - set(self.facts)
            if unknown:
                raise ValueError(f"{self.matter}, {move.act}: neither state nor fact: {sorted(unknown)}")
            if any(f in self.states and self.states[f].final and f != move.to for f in move.from_):
                raise ValueError(f"{self.matter}: {move.act} leaves a final state")
        for act, state, facts in self.combinations():
            if len([m for m in self.moves if m.applies(act, state, facts)]) > 1:
                raise ValueError(f"{self.matter}: {act} from {state} leads to two places")
        return self

    def combinations(self) -> Iterator[tuple[str, str, dict[str, Fact]]]:
        """Everything that can be asked of the machine."""
        acts = dict.fromkeys(move.act for move in self.moves)
        for values in product(*self.facts.values()):
            facts = dict(zip(self.facts, values, strict=True))
            for act, state in product(acts, (NOTHING_YET, *self.states)):
                yield act, state, facts

    def after(self, act: str, state: str, facts: Facts) -> str | None:
        """The state to which this act leads; None when it is not possible now."""
        return next((m.to for m in self.moves if m.applies(act, state, facts)), None)

    def acts_from(self, state: str) -> tuple[str, ...]:
        """What may be done in this state, in the table's order."""
        return tuple(dict.fromkeys(m.act for m in self.moves if state in m.from_))

    def operations(self) -> set[str]:
        """Every operation of the table of permissions through which something can become of such a matter."""
        return {operation for move in self.moves for operation in move.by}


def load(text: str) -> Mapping[str, Machine]:
    """The machines of one file, by the kind of matter.

    Raises:
        ValueError: one does not hold together; the text says where.
    """
    document = {matter: {"matter": matter, **given} for matter, given in yaml.safe_load(text).items()}
    return TypeAdapter(dict[str, Machine]).validate_python(document)


def diagram(drawn: Machine) -> str:
    """The machine as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for move in drawn.moves:
        what = ", ".join(_said(name, value) for name, value in move.when.items())
        label = move.act + (f" [{what}]" if what else "")
        lines += [f"    {_node(one)} --> {_node(move.to)}: {label}" for one in move.from_]
    lines += [f"    {_node(name)} --> [*]" for name, state in drawn.states.items() if state.final]
    return "\n".join(lines)


def _said(name: str, value: Fact) -> str:
    word = name.replace("_", " ")
    return (word if value else f"not {word}") if isinstance(value, bool) else str(value)


def _node(state: str) -> str:
    return state.replace("-", "_") if state else "[*]"
