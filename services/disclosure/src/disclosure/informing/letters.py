"""What is written to those who have to be told, complete by law and in plain words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Dispute:
    """What the person disagrees with, why, and what the agency says to it; the last may be empty."""

    portion: str = field(repr=False)
    statement: str = field(repr=False)
    answer: str = field(repr=False)


def to_the_person(disclosed_on: date, recipient: str, purpose: str) -> str:
    """Word to the last known address that a record went for health or safety (5 U.S.C. 552a(b)(8))."""
    return _letter(
        f"On {_day(disclosed_on)} we disclosed a record about you to {recipient}.",
        f"Why: {purpose}. It was shown to us that compelling circumstances affected somebody's health or safety.",
        "The law lets us do so, and wants us to tell you at your last known address (5 U.S.C. 552a(b)(8)). You may ask us to "
        "see what was disclosed, and to whom.",
    )


def of_a_correction(disclosed_on: date, nature: str, contested: str, correction: str, action: str) -> str:
    """Word to who got a record that it was corrected since (5 U.S.C. 552a(c)(4))."""
    done = {"add": "Added", "delete": "Deleted", "substitute": "It ought to read"}.get(action, "It ought to read")
    return _letter(
        f"On {_day(disclosed_on)} we disclosed to you: {nature}.",
        "A part of it was corrected since, at the request of the person whom it is about:",
        contested,
        f"{done}: {correction}" if correction else f"{done}.",
        _WHAT_TO_DO.format("correct your copy"),
    )


def of_a_disagreement(disclosed_on: date, nature: str, disputes: Sequence[Dispute]) -> str:
    """Word to who got a record that its person disagrees with a part of it (5 U.S.C. 552a(c)(4), (d)(4))."""
    parts = []
    for one in disputes:
        parts += [f"The disputed part: {one.portion}", f"The person's statement: {one.statement}"]
        parts += [f"Why the agency did not change it: {one.answer}"] if one.answer else []
    return _letter(
        f"On {_day(disclosed_on)} we disclosed to you: {nature}.",
        "The person whom it is about disputes a part of it:",
        *parts,
        _WHAT_TO_DO.format("mark the disputed part in your copy and keep the statement with it"),
    )


_WHAT_TO_DO = (
    "Please {}, tell those to whom you passed it on, and confirm to us that you have this letter (5 U.S.C. 552a(c)(4))."
)


def _letter(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
