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


def tokens_of(text: str) -> list[Token]:
    folded = fold(text)
    return [Token(plain(m.group()), *folded.origin(*m.span())) for m in _TOKEN.finditer(folded.text)]


def occurrences(tokens: Sequence[Token], value: str) -> Iterator[tuple[int, int]]:
    """Where the value stands (start, end): the same letters and digits in the same order, from the beginning of a token to
    the end of one, with little between. `O'Brien` is also `OBRIEN` and `O Brien`; `219-09-9999` is also `219 09 9999`.
    """
    target = "".join(token.plain for token in tokens_of(value))
    if not target:
        return
    for first in range(len(tokens)):
        last = _match(tokens, first, target)
        if last is not None:
            yield tokens[first].start, tokens[last].end


def sequences(tokens: Sequence[Token], parts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where these words and numbers stand one after another as tokens of their own."""
    for first in range(len(tokens) - len(parts) + 1):
        run = tokens[first : first + len(parts)]
        if [t.plain for t in run] == list(parts) and _close(run):
            yield run[0].start, run[-1].end


def _match(tokens: Sequence[Token], first: int, target: str) -> int | None:
    """The index of the token with which the target is complete, when it begins with the first one."""
    done = 0
    for index in range(first, len(tokens)):
        token = tokens[index]
        if index > first and token.start - tokens[index - 1].end > _GAP:
            return None
        if not target.startswith(token.plain, done) or not token.plain:
            return None
        done += len(token.plain)
        if done == len(target):
            return index
    return None


def _close(run: Sequence[Token]) -> bool:
    return all(after.start - before.end <= _GAP for before, after in pairwise(run))
