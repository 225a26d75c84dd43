"""What of a transcript's texts may have to stay behind, by its place, and taking it out. Pure.

Detection knows forms (numbers, dates, addresses and the like), the customer's display name and the particulars that a
reviewer gives, and names beside words such as "my wife". A name that stands alone, a picture or an allusion it does not see:
that is why a reviewer reads every line and adds what is missing, and why nothing goes before that.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.pii import detection
from common.pii.particulars import Person
from common.pii.ssn import find_ssn
from common.pii.taxonomy import Taxonomy
from common.pii.third_persons import REQUESTER, Entry, proposals
from common.pii.tokens import Words, together

MARK = "[withheld]"
"""The same for everything that is taken out: its length says nothing of what stood there."""

TELLING = 4
"""Letters and digits that a value needs before its standing elsewhere tells anything."""

FOR_THE_PERSON, FOR_OTHERS = "person", "others"


SSN_DIGITS = 9
_DATE = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]((?:19|20)[0-9]{2})")


@dataclass(frozen=True, slots=True)
class Place:
    """Characters `start` to `end` of the text of entry `seq`, and what kind of thing stands there."""

    seq: int
    start: int
    end: int
    kind: str


def findings(
    texts: Sequence[Entry], customer: Person, others: Sequence[Person], taxonomy: Taxonomy, *, audience: str
) -> list[Place]:
    """What may have to stay behind: for the customer themselves what is about other people, for others all of it.

    Args:
        customer: what is known of whose conversation it is. others: known people of whom the texts may speak.
    """
    found = _proposed(texts, customer, others, taxonomy, audience)
    again = _people_of(texts, found)
    return _proposed(texts, customer, [*others, *again], taxonomy, audience) if again else found


def _proposed(
    texts: Sequence[Entry], customer: Person, others: Sequence[Person], taxonomy: Taxonomy, audience: str
) -> list[Place]:
    if audience == FOR_THE_PERSON:
        found = proposals(texts, customer.model_copy(update={"id": REQUESTER}), others, taxonomy)
    else:
        found = proposals(texts, Person(id=REQUESTER), [customer, *others], taxonomy)
    places = [Place(one.seq, one.start, one.end, one.kind) for one in found]
    taken = {(one.seq, one.start, one.end) for one in places}
    return places + [one for one in _spread(texts) if (one.seq, one.start, one.end) not in taken]


def _spread(texts: Sequence[Entry]) -> list[Place]:
    """The parts of social security numbers that were written over several messages, one after the other."""
    whole, begins = "", []
    for text in texts:
        begins.append(len(whole))
        whole += f"{text.text} "
    places = []
    for start, end in find_ssn(whole):
        parts = [
            Place(text.seq, max(start - at, 0), min(end - at, len(text.text)), detection.SSN)
            for text, at in zip(texts, begins, strict=True)
            if start < at + len(text.text) and at < end
        ]
        places += parts if len(parts) > 1 else []
    return places


def _people_of(texts: Sequence[Entry], found: Sequence[Place]) -> list[Person]:
    """Whoever the values that were found belong to: what was recognised once is sought everywhere, however it is written."""
    said = {text.seq: text.text for text in texts}
    people = []
    for n, (kind, value) in enumerate(dict.fromkeys((one.kind, said[one.seq][one.start : one.end]) for one in found)):
        known: dict[str, Any] = {"known": {kind: (value,)}}
        if kind == detection.NAME:
            known = {"given": (value,)}
        elif kind == detection.SSN:
            known = {"ssn": value} if sum(c.isdigit() for c in value) == SSN_DIGITS else {"known": {}}
        elif kind == detection.BIRTH:
            known = {"known": {kind: (_day(value),)}}
        people.append(Person(id=f"again-{n}", **known))
    return people


def _day(value: str) -> str:
    """The day in a date as it is written in the United States, as YYYY-MM-DD; any other as it stands."""
    match = _DATE.fullmatch(value.strip())
    return f"{match[3]}-{int(match[1]):02}-{int(match[2]):02}" if match else value


def person_called(display_name: str, person_id: str) -> Person:
    """What a display name tells of a person: its last word as the family name, those before as given names."""
    *given, family = display_name.split() or [""]
    return Person(id=person_id, given=tuple(given), family=family)


def without(text: str, places: Sequence[Place]) -> str:
    """The text with these places taken out; places that touch or overlap become one mark."""
    parts: list[str] = []
    at = 0
    for start, end in _joined(places):
        parts += [text[at:start], MARK]
        at = end
    return "".join([*parts, text[at:]])


def still_there(values: Sequence[str], texts: Sequence[tuple[int, str]]) -> list[int]:
    """Numbers of the lines in which something stands that was taken out elsewhere, however it is written there."""
    sought = {value for value in values if len(together(value)) >= TELLING}
    found = []
    for seq, text in texts:
        words = Words(text)
        if any(words.occurrences(value) for value in sought):
            found.append(seq)
    return found


def _joined(places: Sequence[Place]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for place in sorted(places, key=lambda one: (one.start, one.end)):
        if joined and place.start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], place.end))
        else:
            joined.append((place.start, place.end))
    return joined
