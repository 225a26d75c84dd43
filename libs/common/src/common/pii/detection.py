"""Finds what identifies a person in a text: by its form, and by the known particulars of the persons concerned. Pure.

A name is found as somebody's known name only: a word alone does not tell whether it names anybody.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from common.pii.folding import fold
from common.pii.particulars import Person, ways_to_write
from common.pii.ssn import find_ssn
from common.pii.taxonomy import Taxonomy
from common.pii.tokens import Words, together

Form = Literal["", "part", "last-four", "last-name", "other-name"]

SSN = "social-security-number"
CARD = "payment-card-number"
ACCOUNT = "bank-account-number"
BIRTH = "date-of-birth"
PHONE = "personal-telephone"
WORK_PHONE = "business-telephone"
NAME = "name"
MEMBER_ID = "member-id"
CASE_NUMBER = "case-number"
UNREADABLE = "unreadable"

IDENTIFIERS = frozenset({MEMBER_ID, CASE_NUMBER})
"""Numbers that an office gave; the taxonomy does not list them, and the rules for messages name them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found: its kind and where it stands, never what it says.

    Attributes:
        kind: kind of the taxonomy, or `member-id`, `case-number`, `unreadable`.
        form: of a social security number: whole (empty), `part`, `last-four`; of a name: `last-name`, `other-name`.
        place: part of the message, e.g. `subject`, `attachments[0].name`.
        person: id of the person whose known particular it is, or empty.
        start, end: its span in that part; equal when the whole part is meant.
    """

    kind: str
    form: Form
    place: str
    person: str = ""
    start: int = 0
    end: int = 0


_LABELLED_FOUR = re.compile(
    r"\b(?:last (?:4|four)(?: digits)?(?: of)?(?: (?:the|his|her|your|their))?(?: (?:ssn|social security number|social))?"
    r"|ssn ending(?: in| with)?|ssn|social security number|social)\b\W{0,3}(?:is|are|:)?\W{0,3}(?<![0-9])([0-9]{4})(?![0-9-])",
    re.IGNORECASE,
)
_MASKED = re.compile(r"(?<![\w*#])[x*#•]{3}[-. ]?([x*#•]{2}|[0-9]{2})[-. ]?([0-9]{4})(?![0-9])", re.IGNORECASE)
_CARD = re.compile(r"(?<![0-9])(?<![0-9][.-])(?:[0-9][ -]?){12,18}[0-9](?![0-9])")
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{2,4}){2,8}\b", re.IGNORECASE)
_MEMBER_ID = re.compile(r"\bmember (?:id|number|no[.]?)\b[ :.#is]{0,6}([a-z0-9-]*[0-9][a-z0-9-]{3,})", re.IGNORECASE)
_CASE = re.compile(r"\bcase (?:id|file|number|no[.]?|#)[ :.#is]{0,6}([a-z0-9-]*[0-9][a-z0-9-]{3,})", re.IGNORECASE)
_FREE_TO_CALL = frozenset({"800", "833", "844", "855", "866", "877", "888"})
_BETWEEN_NAMES = re.compile(r"[\s\-\u2010-\u2015]+")
_TELLING = 4
_FOUR = re.compile(r"[0-9]{4}")
_GAP = 3
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_CARD_ISSUERS = re.compile(r"[3-6]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)")
_LONGEST_IBAN, _SHORTEST_IBAN = 34, 15


def find(text: str, place: str, persons: Sequence[Person], taxonomy: Taxonomy) -> list[Finding]:
    """Everything in this text that identifies a person, in the order of the text."""
    if not text:
        return []
    words = Words(text)
    found = [*_by_form(text, place, taxonomy), *_by_label(text, place)]
    for person in persons:
        found += _of_person(person, words, place)
        found += _four_after_name(person, words, place)
    return sorted(_claimed(found), key=lambda f: (f.start, f.end, f.kind))


def _by_form(text: str, place: str, taxonomy: Taxonomy) -> Iterator[Finding]:
    """What its own form gives away, whoever it belongs to."""
    for start, end in find_ssn(text):
        yield Finding(SSN, "", place, start=start, end=end)
    folded = fold(text)
    for match in _CARD.finditer(folded.text):
        if is_card(match.group()):
            yield _at(folded.origin(*match.span()), CARD, place)
    for match in _IBAN.finditer(folded.text):
        if is_iban(match.group()):
            yield _at(folded.origin(*match.span()), ACCOUNT, place)
    for code, pattern in _patterns(taxonomy):
        for match in pattern.finditer(folded.text):
            group = 1 if match.lastindex else 0
            if match.group(group):
                kind = WORK_PHONE if code == PHONE and is_free_to_call(match.group(group)) else code
                yield _at(folded.origin(*match.span(group)), kind, place)


def _by_label(text: str, place: str) -> Iterator[Finding]:
    """What the words before it, or the mask over the rest of it, give away."""
    folded = fold(text)
    for match in _LABELLED_FOUR.finditer(folded.text):
        yield _at(folded.origin(*match.span(1)), SSN, place, "last-four")
    for match in _MASKED.finditer(folded.text):
        if match.group(1).isdigit():  # the middle digits are there to read: more than the last four
            yield _at(folded.origin(*match.span()), SSN, place, "part")
        else:
            yield _at(folded.origin(*match.span(2)), SSN, place, "last-four")
    for pattern, kind in ((_MEMBER_ID, MEMBER_ID), (_CASE, CASE_NUMBER)):
        for match in pattern.finditer(folded.text):
            yield _at(folded.origin(*match.span(1)), kind, place)


def _of_person(person: Person, words: Words, place: str) -> Iterator[Finding]:
    """The person's own particulars, wherever they stand."""
    numbers = ((MEMBER_ID, person.member_id), (CASE_NUMBER, person.case_number))
    values = [(kind, value) for kind, value in numbers if value]
    values += [(kind, value) for kind, listed in person.known.items() for value in listed]
    for kind, value in values:
        spans: Iterable[tuple[int, int]] = words.occurrences(value)
        if kind == BIRTH and (ways := ways_to_write(value)):
            spans = {span for way in ways for span in words.sequences(way)}
        for span in spans:
            yield _at(span, kind, place, person=person.id)
    yield from _names(person, words, place)
    yield from _number(person.ssn_digits, person, words, place)


def _names(person: Person, words: Words, place: str) -> Iterator[Finding]:
    listed: list[tuple[str, Form]] = [(name, "last-name") for name in _with_parts(person.family)]
    listed += [(name, "other-name") for given in person.given for name in _with_parts(given)]
    for name, form in listed:
        for span in words.occurrences(name):
            yield _at(span, NAME, place, form, person.id)


def _with_parts(name: str) -> Iterator[str]:
    """The name, and each part of a name of several that is long enough to lead to the person. An initial names nobody."""
    if len(together(name)) > 1:
        yield name
    parts = _BETWEEN_NAMES.split(name.strip())
    if len(parts) > 1:
        yield from (part for part in parts if len(together(part)) >= _TELLING)


def _number(digits: str, person: Person, words: Words, place: str) -> Iterator[Finding]:
    """The whole of a known number, its first five digits, or its last four where they do not look like a year."""
    if not digits:
        return
    for span in words.occurrences(digits):
        yield _at(span, SSN, place, person=person.id)
    for span in words.occurrences(digits[:5]):
        yield _at(span, SSN, place, "part", person.id)
    if not _YEAR.fullmatch(digits[5:]):
        for index in words.at(digits[5:]):
            yield _at(words.span(index, index), SSN, place, "last-four", person.id)


def _four_after_name(person: Person, words: Words, place: str) -> Iterator[Finding]:
    """Four digits right after the last name, as the bulletin allows them to be written (item 4)."""
    for last in {last for name in _with_parts(person.family) for _, last in words.runs(name)}:
        run = words.tokens[last : last + 2]
        if len(run) > 1 and _FOUR.fullmatch(run[1].plain) and run[1].start - run[0].end <= _GAP:
            yield _at((run[1].start, run[1].end), SSN, place, "last-four", person.id)


def _claimed(found: Sequence[Finding]) -> list[Finding]:
    """Each span once for each kind, under the person whose known particular it is, if there is one.

    The last four digits of a number that stands there whole are no finding of their own.
    """
    kept: dict[tuple[str, int, int], Finding] = {}
    for each in sorted(found, key=lambda f: (not f.person, f.form != "")):
        kept.setdefault((each.kind, each.start, each.end), each)
    whole = [(f.start, f.end) for f in kept.values() if f.kind == SSN and f.form != "last-four"]
    return [
        f for f in kept.values()
        if not (f.kind == SSN and f.form == "last-four" and any(s <= f.start and f.end <= e for s, e in whole))
        and not (f.kind == SSN and f.form == "part" and any(s <= f.start and f.end < e for s, e in whole))
    ]  # fmt: skip


def is_card(text: str) -> bool:
    """Whether the digits are the number of a payment card: an issuer's first digits, and the check digit of ISO/IEC 7812."""
    digits = [int(c) for c in text if c.isdigit()]
    doubled = [d if n % 2 == 0 else sum(divmod(2 * d, 10)) for n, d in enumerate(reversed(digits))]
    written = "".join(map(str, digits))
    return len(set(digits)) > 1 and sum(doubled) % 10 == 0 and _CARD_ISSUERS.match(written) is not None


def is_iban(text: str) -> bool:
    """Whether it is an international bank account number: its two check digits are right (ISO 13616)."""
    compact = "".join(c for c in text.upper() if c.isalnum() and c.isascii())
    if not _SHORTEST_IBAN <= len(compact) <= _LONGEST_IBAN:
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def is_free_to_call(text: str) -> bool:
    """Whether it is a number that costs the caller nothing: nobody's own telephone has one."""
    digits = "".join(c for c in text if c.isdigit())
    return digits[-10:-7] in _FREE_TO_CALL


def _at(span: tuple[int, int], kind: str, place: str, form: Form = "", person: str = "") -> Finding:
    return Finding(kind, form, place, person, *span)


def _patterns(taxonomy: Taxonomy) -> Sequence[tuple[str, re.Pattern[str]]]:
    return _compiled(tuple((code, kind.patterns) for code, kind in taxonomy.types.items() if kind.patterns))


@lru_cache(maxsize=8)
def _compiled(listed: tuple[tuple[str, tuple[str, ...]], ...]) -> Sequence[tuple[str, re.Pattern[str]]]:
    return [(code, re.compile(pattern, re.IGNORECASE)) for code, patterns in listed for pattern in patterns]


def by_person(persons: Iterable[Person]) -> Mapping[str, Person]:
    return {person.id: person for person in persons}
