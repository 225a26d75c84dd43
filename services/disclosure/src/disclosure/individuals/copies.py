"""How a person gets to see the record: forms that people understand, and what may be asked for it."""

from collections.abc import Mapping, Sequence
from typing import Literal

from common.errors import FieldError

FORMS: Mapping[str, str] = {
    "seen-in-person": "you saw it at our office",
    "paper": "a copy on paper, with every code explained",
    "large-print": "a copy in large print, with every code explained",
    "braille": "a copy in braille",
    "audio": "a spoken copy",
    "plain-text": "a copy as a text file, with every code explained",
    "pdf": "a copy as a document file, with every code explained",
}
"""5 U.S.C. 552a(d)(1): a copy of all or any portion in a form comprehensible to the person."""

FeeFor = Literal["copy", "search", "review"]


def wrong_fees(charged: Sequence[FeeFor], form: str) -> list[FieldError]:
    """Fees that may not be asked: for anything but a copy (5 U.S.C. 552a(f)(5)), or where there is no copy."""
    wrong = [
        FieldError(
            f"fees[{n}].charged_for", "only copies cost something; search and review do not (5 U.S.C. 552a(f)(5))"
        )
        for n, what in enumerate(charged)
        if what != "copy"
    ]
    if charged and form == "seen-in-person":
        wrong.append(FieldError("fees", "who only looks has no copy made, so nothing is charged (5 U.S.C. 552a(f)(5))"))
    return wrong


def wrong_companion(*, accompanied: bool, statement: str) -> list[FieldError]:
    """The person of the requester's choice may be there once the requester allows it in writing (552a(d)(1))."""
    if accompanied and not statement:
        return [FieldError("companion_statement", "is needed before we speak of the record in another's presence")]
    return []
