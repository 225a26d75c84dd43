"""The tables of cases that lie beside the rules, and questions made from them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from uuid import UUID

import yaml

from common.contracts.disclosure import FactValue
from disclosure import policy, rulebook
from disclosure.model import COMPANIONS
from disclosure.question import Decision, Question, Rules, TaxSpan

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
REQUEST = UUID("0195a7c2-0000-7000-8000-000000000001")
TRANSCRIPT = UUID("0195a7c2-0000-7000-8000-000000000002")
USES = [f"routine-use-{n}" for n in range(1, 13)]
CONDITIONS = ["b2", "b4", "b5", "b6", "b7", "b8", "b9", "b10", "b11", "consent"]
APPEAL = "all-019.performance-appeal"
BASES = [*USES, *CONDITIONS, APPEAL]
SIGNATURE = {
    "request": str(REQUEST),
    "by": "officer-9",
    "role": "privacy_officer",
    "on": "2026-02-20",
    "record": "MEMO-17",
}


@dataclass(frozen=True)
class Case:
    """One row of a table: a question, and what has to come of it."""

    name: str
    question: Question
    outcome: str
    because: tuple[str, ...]
    missing: tuple[str, ...]
    withheld: int
    shows: tuple[str, ...]


def tables() -> dict[str, dict[str, Any]]:
    policies = files("disclosure") / "policies"
    folders = [policies / rulebook.folder_of(s) / "cases" for s in rulebook.SYSTEMS] + [
        policies / "conditions" / "cases"
    ]
    found = [yaml.safe_load(f.read_text()) for folder in folders for f in folder.iterdir() if f.name.endswith(".yaml")]
    return {table["basis"]: table for table in found}


TABLES = tables()


def rules_for(basis: str) -> Rules:
    return rulebook.current(rulebook.system_of(basis))


def signed_facts(basis: str) -> set[str]:
    """The facts that are findings and have to be signed."""
    notice = rules_for(basis).notice
    asked = (*notice.common, *rules_for(basis).bases[basis].elements)
    return {element.fact for element in asked if element.accepts == "signed-finding"}


def signature(fact: str) -> dict[str, FactValue]:
    return {f"{fact}.{part}": SIGNATURE[part] for part in COMPANIONS}


def said(question: Question) -> dict[str, FactValue]:
    """Those facts of a question that people may state."""
    sayable = rules_for(question.basis).notice.said_by_people
    return {name: value for name, value in question.facts.items() if name in sayable}


def without(facts: Mapping[str, FactValue], *names: str) -> dict[str, FactValue]:
    """These facts less those named, and less the signatures of those named."""
    gone = {*names, *(f"{name}.{part}" for name in names for part in COMPANIONS)}
    return {name: value for name, value in facts.items() if name not in gone}


def base(basis: str) -> Question:
    """A question to which the answer is allow."""
    row = TABLES[basis]["base"]
    return _question(basis, row["recipient"], row["purpose"], row["facts"])


def rows(basis: str) -> Iterator[Case]:
    table = TABLES[basis]
    for row in table["cases"]:
        yield Case(
            row["case"],
            _question(
                basis,
                row.get("recipient", table["base"]["recipient"]),
                row.get("purpose", table["base"]["purpose"]),
                table["base"]["facts"] | row.get("facts", {}),
                gone=row.get("without", []),
                spans=row.get("spans", []),
            ),
            row["outcome"],
            tuple(row.get("because", [])),
            tuple(row.get("missing", [])),
            row.get("withheld", 0),
            tuple(row.get("shows", [])),
        )


def with_facts(question: Question, facts: Mapping[str, FactValue], *gone: str) -> Question:
    return replace(question, facts={**without(question.facts, *gone), **facts})


def decide(question: Question, *, at: datetime = NOON, rules: Rules | None = None) -> Decision:
    return policy.evaluate(rules or rules_for(question.basis), question, at=at)


def stands_against(decision: Decision) -> set[str]:
    return {step.fact for step in decision.steps if step.answer == "no"}


def _question(
    basis: str,
    recipient: str,
    purpose: str,
    facts: Mapping[str, FactValue],
    *,
    gone: Iterable[str] = (),
    spans: Iterable[Mapping[str, Any]] = (),
) -> Question:
    whole: dict[str, FactValue] = {"dispute.standing": "none"}
    for fact in signed_facts(basis) & set(facts):
        whole |= signature(fact)
    listed = tuple(TaxSpan(TRANSCRIPT, **span) for span in spans)
    shown = without({**whole, **facts}, *gone)
    return Question(REQUEST, (TRANSCRIPT,), basis, recipient, purpose, shown, frozenset({TRANSCRIPT}), listed)


def stricter() -> Rules:
    """The notice in a later version, in which the National Archives has to name an inspector too."""
    document = json.loads(rulebook.current().document)
    document |= {"version": "2031", "previous": document["version"]}
    (seventh,) = [u for u in document["routine_uses"] if u["id"] == "routine-use-7"]
    seventh["elements"].append(
        {"fact": "archives.inspector", "asks": "Who inspects?", "citation": seventh["citation"], "accepts": "reference"}
    )
    return rulebook.rules_from(json.dumps(document))
