"""Which part of an entry is which element of the records (60-0383, categories of records). Pure."""

from collections.abc import Collection, Mapping, Sequence

from common.pii import detection

NAME, PIN, DISPLAY_NAME = "name", "employee-pin", "employee-display-name"
TIME_AND_TOPIC, ANSWERS = "time-and-topic", "employee-answers"

LABELS = ("benefits", "medical", "other-business", ANSWERS)
"""What a message can be about. A reviewer says it: no program can tell benefits from other business."""

ELEMENT_OF_KIND: Mapping[str, str] = {
    detection.SSN: "ssn",
    detection.BIRTH: "date-of-birth",
    detection.NAME: NAME,
    "place-of-birth": "place-of-birth",
    "mothers-maiden-name": "parent-names",
    "home-address": "address",
}
"""Kinds of information about a person that are elements of their own, wherever in a text they stand."""


def may_go(element: str, named: Collection[str]) -> bool:
    """Whether an element goes: where the decision named elements, those and no others."""
    return not named or element in named


def kinds_that_stay(kinds: Sequence[str], named: Collection[str]) -> set[str]:
    """The kinds of information in texts that stay behind, whatever a reviewer would keep: nobody decided that they may go."""
    return {kind for kind in kinds if named and ELEMENT_OF_KIND.get(kind, "") not in named}
