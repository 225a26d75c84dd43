"""From stored figures to what a report shows. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from production.model import Figure, OfficeFigure


@dataclass(frozen=True, slots=True)
class Totals:
    """`minutes` is the sum of the durations of the actions, so chats handled side by side count each in full."""

    actions: int
    minutes: float
    chats: int
    messages: int


def minutes(seconds: float) -> float:
    """Minutes to one decimal."""
    return round(seconds / 60, 1)


def totals(figures: Iterable[Figure | OfficeFigure]) -> Totals:
    """The sums; minutes are rounded once, after adding."""
    listed = list(figures)
    return Totals(
        actions=sum(f.actions for f in listed),
        minutes=minutes(sum(f.seconds for f in listed)),
        chats=sum(f.chats for f in listed),
        messages=sum(f.messages for f in listed),
    )
