"""Words and numbers of a text, and where a known value stands among them, however it is written. Pure."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from common.pii.folding import fold

_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_GAP = 3
"""So many characters may stand between two parts of one value: a comma and a blank, a blank and dashes."""

# Letters that no decomposition takes apart, as people write them without the keyboard for it.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\N{LATIN SMALL LETTER DOTLESS I}": "i"}
)


@dataclass(frozen=True, slots=True)
class Token:
    """A run of letters or a run of digits: its plain form, and its span in the original."""

    plain: str
    start: int
    end: int

    @property
    def is_number(self) -> bool:
        return self.plain.isdigit()


@lru_cache(maxsize=4096)
def plain(word: str) -> str:
    """A word without case and diacritics."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c)).casefold().translate(_LETTERS)


class Words:
    """The tokens of a text in their order, and where each plain form stands among them."""

    def __init__(self, text: str) -> None:
        folded = fold(text)
        self.tokens = [Token(plain(m.group()), *folded.origin(*m.span())) for m in _TOKEN.finditer(folded.text)]
        self._places: dict[str, list[int]] = {}
        for index, token in enumerate(self.tokens):
            self._places.setdefault(token.plain, []).append(index)

    def __len__(self) -> int:
        return len(self.tokens)

    def at(self, word: str) -> Sequence[int]:
        """The indices of the tokens that are this word."""
        return self._places.get(word, ())

    def span(self, first: int, last: int) -> tuple[int, int]:
        """The span in the original (start, end) from one token to another."""
        return self.tokens[first].start, self.tokens[last].end

    def runs(self, value: str) -> list[tuple[int, int]]:
        """Where the value stands (first token, last token): the same letters and digits in the same order, from the beginning
        of a token to the end of one, with little between. `O'Brien` is also `OBRIEN` and `O Brien`; `219-09-9999` is also
        `219 09 9999`.
        """
        target = together(value)
        begins = sorted({first for end in range(1, len(target) + 1) for first in self.at(target[:end])})
        ends = ((first, self._last(first, target)) for first in begins)
        return [(first, last) for first, last in ends if last is not None]

    def occurrences(self, value: str) -> list[tuple[int, int]]:
        """Where the value stands in the original (start, end)."""
        return [self.span(first, last) for first, last in self.runs(value)]

    def sequences(self, parts: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Where these words and numbers stand one after another as tokens of their own (start, end in the original)."""
        for first in self.at(parts[0]):
            run = self.tokens[first : first + len(parts)]
            if [t.plain for t in run] == list(parts) and all(_near(a, b) for a, b in pairwise(run)):
                yield run[0].start, run[-1].end

    def _last(self, first: int, target: str) -> int | None:
        """The index of the token with which the target is complete, when it begins with the first one."""
        done = 0
        for index in range(first, len(self.tokens)):
            token = self.tokens[index]
            if index > first and not _near(self.tokens[index - 1], token):
                return None
            if not token.plain or not target.startswith(token.plain, done):
                return None
            done += len(token.plain)
            if done == len(target):
                return index
        return None


def together(value: str) -> str:
    """The letters and digits of a value in their plain form, without anything between."""
    return "".join(plain(m.group()) for m in _TOKEN.finditer(fold(value).text))


def _near(before: Token, after: Token) -> bool:
    return after.start - before.end <= _GAP
