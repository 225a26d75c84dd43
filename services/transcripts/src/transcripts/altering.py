"""Conversations for purposes that concern an employee: without the customer's particulars, or with invented ones. Pure.

What is recognised is what `redaction` recognises: forms, the customer's display name, and names beside words such as "my
sister". It serves inside the agency; nothing leaves in this way.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from common.pii import detection
from common.pii.taxonomy import Taxonomy
from common.pii.third_persons import Entry as Text
from common.pii.tokens import together
from transcripts import redaction
from transcripts.redaction import FOR_OTHERS, Place, findings, person_called, still_there

Content = Mapping[str, Any]

CONCERNING_EMPLOYEES = frozenset({"training", "performance-assessment", "conduct-matter"})
"""Purposes for which a customer's particulars are relevant only where somebody says why (60-0383, purposes, last paragraph)."""

INVENTED = (
    "Alex",
    "Robin",
    "Kim",
    "Sam",
    "Chris",
    "Dana",
    "Jo",
    "Pat",
    "Lee",
    "Toni",
    "Max",
    "Ray",
    "Sky",
    "Val",
    "Nic",
)


def redacted(contents: Sequence[Content], taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """The entries as they are, but what they say of the customer taken out. Employees' names stay: it is about their work."""
    found = _found(contents, taxonomy)
    return [_without(content, [one for one in found if one.seq == content["seq"]]) for content in contents]


def pseudonymised(contents: Sequence[Content], taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """The conversation in its shape, with invented particulars: the same value is the same everywhere, and no true one is left.

    A line in which a true value would still stand is left out but for who spoke.
    """
    found, texts = _found(contents, taxonomy), dict(_texts(contents))
    values = [texts[one.seq][one.start : one.end] for one in found]
    invented = _invented(found, values)
    lines = []
    for seq, text in texts.items():
        said = _replaced(text, [one for one in found if one.seq == seq], invented)
        lines.append((seq, said))
    leaking = set(still_there(values, lines))
    roles = {content["seq"]: content["role"] for content in contents}
    return [{"line": seq, "who": roles[seq], "text": redaction.MARK if seq in leaking else said} for seq, said in lines]


def _texts(contents: Sequence[Content]) -> list[tuple[int, str]]:
    return [(one["seq"], one["pii"]["text"]) for one in contents if "text" in one.get("pii", {})]


def _found(contents: Sequence[Content], taxonomy: Taxonomy) -> list[Place]:
    texts = [Text(seq, text) for seq, text in _texts(contents)]
    name = next((c["pii"]["display_name"] for c in contents if c["kind"] == "opened" and "pii" in c), "")
    places = findings(texts, person_called(name, "customer"), [], taxonomy, audience=FOR_OTHERS)
    # Places that overlap are one: replaced one by one they would leave halves of a value.
    apart: list[Place] = []
    for place in sorted(places, key=lambda one: (one.seq, one.start, -one.end)):
        if apart and apart[-1].seq == place.seq and place.start < apart[-1].end:
            last = apart[-1]
            apart[-1] = Place(last.seq, last.start, max(last.end, place.end), last.kind)
        else:
            apart.append(place)
    return apart


def _without(content: Content, places: Sequence[Place]) -> dict[str, Any]:
    pii = content.get("pii")
    if pii is None:
        return dict(content)
    kept = {name: value for name, value in pii.items() if name != "salt"}
    if content["kind"] in {"opened", "accompanied"}:
        kept = {}
    if "text" in kept:
        kept["text"] = redaction.without(kept["text"], places)
    return {**content, "pii": kept}


def _invented(found: Sequence[Place], values: Sequence[str]) -> dict[str, str]:
    """For each true value, by its letters and digits, one of the same shape."""
    true = {together(value) for value in values}
    names = [name for name in INVENTED if together(name) not in true]
    made: dict[str, str] = {}
    people = 0
    for place, value in zip(found, values, strict=True):
        key = together(value)
        if key in made:
            continue
        if place.kind == detection.NAME:
            made[key] = names[people] if people < len(names) else f"Person {people + 1}"
            people += 1
        else:
            made[key] = _shaped(value, len(made) + 1, true)
    return made


def _shaped(value: str, number: int, true: set[str]) -> str:
    """Zeros for digits, the last of them counting, and x for letters; what stands between stays."""
    digits = sum(character.isdigit() for character in value)
    while True:
        counted = iter(str(number % 10 ** max(digits, 1)).zfill(digits))
        made = "".join(next(counted) if c.isdigit() else "x" if c.isalpha() else c for c in value)
        if together(made) not in true or not digits:
            return made
        number += 1


def _replaced(text: str, places: Sequence[Place], invented: Mapping[str, str]) -> str:
    parts: list[str] = []
    at = 0
    for place in places:
        parts += [text[at : place.start], invented[together(text[place.start : place.end])]]
        at = place.end
    return "".join([*parts, text[at:]])
