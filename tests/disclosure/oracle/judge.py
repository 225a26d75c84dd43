"""Judges by `rules.txt`. Nothing of the service is used: each line gives 0 (no), 1 (not shown) or 2 (yes), and the least counts."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

NO, OPEN, YES = 0, 1, 2

# 5 U.S.C. 551(1), 552(f)(1), 552a(a)(1): agencies of the Federal Government. Congress, courts, States, private ones are none.
FEDERAL = {
    "bureau-of-the-census",
    "department-of-justice",
    "equal-employment-opportunity-commission",
    "federal-agency",
    "federal-labor-relations-authority",
    "federal-law-enforcement",
    "federal-mediation-and-conciliation-service",
    "federal-service-impasses-panel",
    "merit-systems-protection-board",
    "national-archives",
    "office-of-special-counsel",
}
KNOWN = {
    "60-0383": [
        "name",
        "ssn",
        "date-of-birth",
        "parent-names",
        "address",
        "place-of-birth",
        "benefits",
        "medical",
        "other-business",
        "time-and-topic",
        "employee-answers",
        "employee-display-name",
        "employee-pin",
    ],
    "DHS/ALL-019": ["name", "user-id", "position", "office", "hours", "actions", "case-ids"],
}


@dataclass
class Sheet:
    to: list[str]
    purposes: list[str]
    lines: list[list[str]]


def sheets() -> dict[str, Sheet]:
    found: dict[str, Sheet] = {}
    for raw in Path(__file__).with_name("rules.txt").read_text().splitlines():
        words = raw.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith("["):
            sheet = found[words[0].strip("[]")] = Sheet([], [], [])
        elif words[0] == "to":
            sheet.to = words[1:]
        elif words[0] == "for":
            sheet.purposes = words[1:]
        else:
            sheet.lines.append(words)
    return found


SHEETS = sheets()


def judge(basis: str, *, to: str, purpose: str, facts: dict[str, Any], request: str, today: date) -> dict[str, int]:
    """What each thing that was looked at came to, by fact."""
    sheet = SHEETS[basis]
    said = facts | {"recipient.kind": to, "purpose": purpose}
    known = KNOWN["DHS/ALL-019" if basis.startswith("all-019") else "60-0383"]
    marks = {
        "recipient.kind": YES if sheet.to == ["*"] or to in sheet.to else NO,
        "purpose": YES if purpose in sheet.purposes else NO,
        "tax.return-information": among(said, "tax.return-information", ["absent", "withheld", "included"]),
        "dispute.standing": among(said, "dispute.standing", ["none", "disputed"]),
    }
    if to == "agency-employee":
        marks["recipient.standing"] = NO
    if said.get("tax.return-information") == "included":
        marks["tax.spans"] = OPEN
    if to not in FEDERAL and to != "agency-employee" and basis != "b2":
        marks["accuracy.reviewed"] = signed(said, "accuracy.reviewed", request, today)
    if said.get("dispute.standing") == "disputed":
        marks["dispute.portion-noted"] = signed(said, "dispute.portion-noted", request, today)
    for guard, kind, fact, *values in sheet.lines:
        if all(holds(part, said) for part in guard.split("&")):
            marks[fact] = weigh(kind, fact, values, said, known, to, request, today)
    return marks


def holds(guard: str, said: dict[str, Any]) -> bool:
    if guard == "-":
        return True
    fact, _, values = guard.partition("=")
    return said.get(fact) in values.split("|")


def weigh(  # noqa: PLR0911, PLR0917 - one line for each kind of proof
    kind: str, fact: str, values: list[str], said: dict[str, Any], known: list[str], to: str, request: str, today: date
) -> int:
    value = said.get(fact)
    text = value if isinstance(value, str) else ""
    named = [part for part in str(said.get("elements", "")).split(",") if part]
    if kind == "mark":
        return YES if text else OPEN
    if kind == "true":
        return {True: YES, False: NO}.get(value, OPEN) if isinstance(value, bool) else OPEN
    if kind == "signed":
        return signed(said, fact, request, today)
    if kind == "oneof":
        return among(said, fact, values)
    if kind == "kind":
        return OPEN if not text else YES if text == to else NO
    if kind == "named":
        return OPEN if not named else YES if set(named) <= set(known) else NO
    if kind == "nomedical":
        return OPEN if not named else NO if "medical" in named else YES
    if kind == "within":
        return OPEN if not named or not text else YES if set(named) <= set(text.split(",")) else NO
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return OPEN
    return YES if (day <= today if kind == "upto" else day >= today) else NO


def among(said: dict[str, Any], fact: str, values: list[str]) -> int:
    value = said.get(fact)
    return OPEN if not isinstance(value, str) or not value else YES if value in values else NO


def signed(said: dict[str, Any], fact: str, request: str, today: date) -> int:
    parts = [said.get(f"{fact}.{part}") for part in ("by", "role", "record", "request", "on")]
    if not isinstance(said.get(fact), bool) or not all(parts):
        return OPEN
    try:
        day = date.fromisoformat(str(parts[-1]))
    except ValueError:
        return OPEN
    return YES if said[fact] and parts[3] == request and day <= today else NO
