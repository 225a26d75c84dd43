"""The tables of cases that lie beside the rules, and questions made from them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from uuid import UUID

import yaml

from common.contracts.disclosure import FactValue
from disclosure import policy, rulebook
from disclosure.model import Decision, Question, Rules

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
REQUEST = UUID("0195a7c2-0000-7000-8000-000000000001")
TRANSCRIPT = UUID("0195a7c2-0000-7000-8000-000000000002")
USES = [f"routine-use-{n}" for n in range(1, 13)]


@dataclass(frozen=True)
class Case:
    """One row of a table: a question, and what has to come of it."""

    name: str
    question: Question
    outcome: str
    because: tuple[str, ...]
    missing: tuple[str, ...]
    shows: tuple[str, ...]


def tables() -> dict[str, dict[str, Any]]:
    folder = files("disclosure") / "policies" / rulebook.SYSTEM / "cases"
    found = [yaml.safe_load(file.read_text()) for file in folder.iterdir() if file.name.endswith(".yaml")]
    return {table["routine-use"]: table for table in found}


TABLES = tables()


def base(basis: str) -> Question:
    """A question to which the answer is allow."""
    row = TABLES[basis]["base"]
    return _question(basis, row["recipient"], row["purpose"], row["facts"])


def rows(basis: str) -> Iterator[Case]:
    table = TABLES[basis]
    for row in table["cases"]:
        facts = {k: v for k, v in table["base"]["facts"].items() if k not in row.get("without", [])}
        yield Case(
            row["case"],
            _question(
                basis,
                row.get("recipient", table["base"]["recipient"]),
                row.get("purpose", table["base"]["purpose"]),
                facts | row.get("facts", {}),
            ),
            row["outcome"],
            tuple(row.get("because", [])),
            tuple(row.get("missing", [])),
            tuple(row.get("shows", [])),
        )


def with_facts(question: Question, facts: Mapping[str, FactValue], *without: str) -> Question:
    kept = {name: value for name, value in question.facts.items() if name not in without}
    return replace(question, facts={**kept, **facts})


def decide(question: Question, *, at: datetime = NOON, rules: Rules | None = None) -> Decision:
    return policy.evaluate(rules or rulebook.current(), question, at=at)


def stands_against(decision: Decision) -> set[str]:
    return {step.fact for step in decision.steps if step.answer == "no"}


def _question(basis: str, recipient: str, purpose: str, facts: Mapping[str, FactValue]) -> Question:
    filled = {name: str(REQUEST) if value == "THIS-REQUEST" else value for name, value in facts.items()}
    return Question(REQUEST, (TRANSCRIPT,), basis, recipient, purpose, filled, frozenset({TRANSCRIPT}))
