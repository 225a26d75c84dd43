"""Other people in one's own record: what of a text is about somebody else is proposed for redaction, by its place.

A proposal names kind and place and never what stands there. An official decides each; nothing goes before all are decided.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common.pii import detection
from common.pii.particulars import Person
from common.pii.taxonomy import Taxonomy

REQUESTER = "requester"
_RELATIVE = re.compile(
    r"\b(?:[Mm]y|[Hh]is|[Hh]er|[Tt]heir|[Oo]ur) (?:late )?(?:wife|husband|spouse|partner|son|daughter|child|mother|father"
    r"|mom|dad|brother|sister|aunt|uncle|niece|nephew|cousin|grandmother|grandfather|friend|neighbor|boss|lawyer|doctor)s?"
    r",? (?:is |named |called )?((?:[A-Z][\w'-]+)(?: [A-Z][\w'.-]+){0,3})"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a transcript, by its number."""

    seq: int
    text: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """Take this out: characters `start` to `end` of entry `seq`."""

    seq: int
    start: int
    end: int
    kind: str


def proposals(
    entries: Sequence[Entry], requester: Person, others: Sequence[Person], taxonomy: Taxonomy
) -> list[Proposal]:
    """What of these entries is not the requester's own.

    Args:
        requester: what is known of the person who asks; `id` must be `REQUESTER`. What matches it stays.
        others: known people of whom the entries may speak.
    """
    found = []
    for entry in entries:
        theirs = detection.find(entry.text, "", [requester, *others], taxonomy)
        own = [(f.start, f.end) for f in theirs if f.person == REQUESTER]
        spans = {(f.start, f.end): f.kind for f in theirs if f.person != REQUESTER and f.kind != detection.WORK_PHONE}
        for start, end in _relatives(entry.text):
            spans.setdefault((start, end), detection.NAME)
        found += [
            Proposal(entry.seq, start, end, kind)
            for (start, end), kind in sorted(spans.items())
            if not any(s < end and start < e for s, e in own)
        ]
    return found


def _relatives(text: str) -> Iterator[tuple[int, int]]:
    """Names that stand where somebody speaks of a person close to them."""
    return (match.span(1) for match in _RELATIVE.finditer(text))
