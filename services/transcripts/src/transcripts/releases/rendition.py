"""From the sealed entries to the copy that goes, in two generations. Pure.

The working copy holds what may go and says where something was taken out, for the reviewer. The copy that goes is written
from the working copy alone, flat: no places, no ids of the session, of entries or participants, no salts, commitments or
digests, no earlier state. Each has a hash of its own; the sealed original is read and never touched.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from common.contracts.chat import PUBLIC, canonical
from common.pii.tokens import together
from transcripts import redaction
from transcripts.redaction import Place
from transcripts.releases import elements

FORMAT = "muniment/released-copy/1"
TAX, NOT_NAMED = "tax return information (26 U.S.C. 6103)", "not among the elements that may go"
_SPEAKING = "posted"

Content = Mapping[str, Any]
"""An entry as it was captured, with what it says of a person under `pii`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What may go of one transcript.

    Attributes:
        audience: `person`, the customer themselves, or `others`.
        named: the elements that may go; empty: the decision named none, and all may.
        withheld: numbers of entries with tax return information.
        cut, kept: places in texts that stay behind, and that a reviewer let stand.
        labels: what messages are about, by number.
        notations: kind and day of each amendment of the record, with the mark under which the papers are filed.
    """

    layer: str
    audience: str
    named: frozenset[str] = frozenset()
    withheld: frozenset[int] = frozenset()
    cut: Sequence[Place] = ()
    kept: Sequence[Place] = ()
    labels: Mapping[int, str] = field(default_factory=dict)
    notations: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Working:
    """The working copy: `document` as the reviewer sees it, and `leaks`, lines that still say what was taken out elsewhere."""

    document: Mapping[str, Any] = field(repr=False)
    leaks: Sequence[int]

    @property
    def digest(self) -> str:
        return _hash(canonical(self.document))


@dataclass(frozen=True, slots=True)
class Flat:
    """The copy that goes: its bytes and their hash."""

    content: bytes = field(repr=False)
    digest: str


def work(contents: Sequence[Content], plan: Plan) -> Working:
    """The working copy of these entries, sorted by number."""
    people = _numbered(contents)
    lines = [_line(content, plan, people[content["participant_id"]]) for content in contents]
    opening = contents[0]
    document: dict[str, Any] = {"layer": plan.layer, "elements": sorted(plan.named), "lines": lines}
    document["notations"] = [dict(one) for one in plan.notations]
    if elements.may_go(elements.TIME_AND_TOPIC, plan.named):
        document |= {"topic": opening.get("chat_topic", ""), "opened_at": opening["at"]}
    return Working(document, _leaks(contents, plan, lines))


def flatten(working: Working, copy_id: UUID) -> Flat:
    """The second generation: from the working copy and nothing else."""
    whole = {name: value for name, value in working.document.items() if name != "lines"}
    lines = [{k: v for k, v in line.items() if k != "taken_out"} for line in working.document["lines"]]
    content = canonical({**whole, "format": FORMAT, "copy_id": str(copy_id), "lines": lines})
    return Flat(content, _hash(content))


def _line(content: Content, plan: Plan, who: str) -> dict[str, Any]:
    seq, kind = content["seq"], content["kind"]
    line: dict[str, Any] = {"line": seq}
    if seq in plan.withheld:
        return line | {"withheld": TAX}
    line |= {"who": who, "event": kind}
    if elements.may_go(elements.TIME_AND_TOPIC, plan.named):
        line["at"] = content["at"]
    pii = content.get("pii", {})
    line |= _names(pii, plan, content["role"])
    if kind == _SPEAKING:
        line |= _text(content, pii.get("text", ""), plan)
    return line


def _names(pii: Mapping[str, Any], plan: Plan, role: str) -> dict[str, str]:
    """Names and numbers of people. The account stands in no copy: it is no element of the records, and opens doors.

    Who acts for the customer is a third person: others do not learn their name from this record.
    """
    if "display_name" not in pii:
        return {}
    found: dict[str, str] = {}
    for_them = plan.audience == redaction.FOR_THE_PERSON and not plan.named
    if role in PUBLIC:
        if for_them or (role == "customer" and elements.NAME in plan.named):
            found["name"] = pii["display_name"]
        return found
    if elements.may_go(elements.DISPLAY_NAME, plan.named):
        found["name"] = pii["display_name"]
    if elements.PIN in plan.named and "pin" in pii:
        found["pin"] = pii["pin"]
    return found


def _text(content: Content, text: str, plan: Plan) -> dict[str, Any]:
    label = plan.labels.get(content["seq"], "" if content["role"] in PUBLIC else elements.ANSWERS)
    if plan.named and label not in plan.named:
        return {"withheld": NOT_NAMED}
    cut = [one for one in plan.cut if one.seq == content["seq"]]
    taken_out = [{"start": one.start, "kind": one.kind} for one in cut]
    return {"text": redaction.without(text, cut), "taken_out": taken_out}


def _leaks(contents: Sequence[Content], plan: Plan, lines: Sequence[Mapping[str, Any]]) -> list[int]:
    """Lines that go and still say what was taken out elsewhere, unless a reviewer let just that stand."""
    texts = {content["seq"]: content.get("pii", {}).get("text", "") for content in contents}
    let_stand = {together(texts[one.seq][one.start : one.end]) for one in plan.kept}
    values = [texts[one.seq][one.start : one.end] for one in plan.cut]
    values = [value for value in values if together(value) not in let_stand]
    return redaction.still_there(values, [(line["line"], line["text"]) for line in lines if "text" in line])


def _numbered(contents: Collection[Content]) -> dict[str, str]:
    """What participants are called in a copy: their ids stay behind."""
    called: dict[str, str] = {}
    for content in contents:
        if content["participant_id"] in called:
            continue
        if content["role"] == "customer":
            called[content["participant_id"]] = "customer"
        else:
            kind = content["role"] if content["role"] in PUBLIC else "employee"
            before = sum(1 for name in called.values() if name.startswith(kind))
            called[content["participant_id"]] = f"{kind} {before + 1}"
    return called


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
