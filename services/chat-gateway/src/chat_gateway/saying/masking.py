"""Masks what is protected in a text for readers who need not see it, and finds it again to reveal one place. Pure.

The text itself, what is sealed of it and every digest stay as they are: only what is shown changes.
"""

from dataclasses import dataclass

from chat_gateway.saying.check import may_identify
from common.pii.detection import Finding, find
from common.pii.folding import fold
from common.pii.sanitising import MARK
from common.pii.taxonomy import Taxonomy

_BLOT = MARK[0]


@dataclass(frozen=True, slots=True)
class Hidden:
    """One place that is masked.

    Attributes:
        kind: kinds of the taxonomy that stand there, the first one by name.
        start, end: in the text itself.
        at: where its mark begins in the masked text.
    """

    kind: str
    start: int
    end: int
    at: int


def hidden_in(text: str, taxonomy: Taxonomy) -> tuple[Hidden, ...]:
    """Everything protected by its own form, in order; places that touch or overlap are one."""
    if not may_identify(fold(text).text):
        return ()
    spans: list[tuple[int, int, str]] = []
    for f in sorted(_protected(text, taxonomy), key=lambda f: (f.start, -f.end, f.kind)):
        if spans and f.start <= spans[-1][1]:
            start, end, kind = spans[-1]
            spans[-1] = (start, max(end, f.end), kind)
        else:
            spans.append((f.start, f.end, f.kind))
    places, shift = [], 0
    for start, end, kind in spans:
        places.append(Hidden(kind, start, end, start + shift))
        shift += len(MARK) - (end - start)
    return tuple(places)


def _protected(text: str, taxonomy: Taxonomy) -> list[Finding]:
    """What is found, and found again once that is blotted out: one number may have hidden another beside it."""
    protected = taxonomy.of_class("protected")
    every: list[Finding] = []
    while found := [f for f in find(text, "text", (), taxonomy) if f.kind in protected and f.end > f.start]:
        every += found
        for f in found:
            text = text[: f.start] + _BLOT * (f.end - f.start) + text[f.end :]
    return every


def masked(text: str, places: tuple[Hidden, ...]) -> str:
    """The text with one mark for each place."""
    written, position = [], 0
    for place in places:
        written += [text[position : place.start], MARK]
        position = place.end
    return "".join((*written, text[position:]))


__all__ = ["MARK", "Hidden", "hidden_in", "masked"]
