"""Text as a reader sees it: one form for every digit, dash and space, nothing that is invisible. Pure."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Folded:
    """Text in its plain form, and where each of its characters came from.

    Attributes:
        text: every decimal digit as ASCII, every dash as `-`, every space as a blank (line ends stay), marks over letters
            and invisible characters left out.
        at: for each character of `text`, the index of the character of the original.
    """

    text: str
    at: Sequence[int]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original (start, end) from which this span of `text` came. `end` is greater than `start`."""
        return self.at[start], self.at[end - 1] + 1


def fold(original: str) -> Folded:
    if original.isascii():
        return Folded(original, range(len(original)))
    text: list[str] = []
    at: list[int] = []
    for index, character in enumerate(original):
        for plain in _plain(character):
            text.append(plain)
            at.append(index)
    return Folded("".join(text), at)


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    return "".join(map(_plain_part, unicodedata.normalize("NFKC", character)))


def _plain_part(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    if category == "Zs":
        return " "
    if category in {"Zl", "Zp"}:
        return "\n"
    # Marks (Mn, Me) can stand on a digit as on a letter, and change neither for a reader.
    return "" if category in {"Cf", "Mn", "Me"} else character
