"""What a person was searched by, kept so that only who knows the term can find the search.

A social security number, a name, an account or an employee's number never stands in an entry. Its keyed digest does:
with the key and the term in hand one finds who searched for that person, and without either nothing can be guessed.
"""

import hmac
import unicodedata

_USE = b"muniment audit term v1"


def term(key: bytes, name: str, value: str) -> str:
    """What an entry keeps of one personal search term.

    Args:
        key: the service's secret of at least 16 bytes.
        name: which search key it was, e.g. `account_id`: the same value under another name is another term.
        value: as it was typed; case, accents' form, spaces and hyphens make no difference.

    Raises:
        ValueError: the key is too short to hide anything, or the name cannot stand before a colon.
    """
    if len(key) < 16:  # noqa: PLR2004 - said in the sentence
        raise ValueError("terms are kept under a key of at least 16 bytes")
    if not name or ":" in name:
        raise ValueError("a term needs the name of its search key, without a colon")
    text = b"\0".join((_USE, name.encode(), _normal(value).encode()))
    return f"{name}:{hmac.digest(key, text, 'sha256').hex()}"


def _normal(value: str) -> str:
    folded = unicodedata.normalize("NFKC", value).casefold()
    return "".join(c for c in folded if not c.isspace() and unicodedata.category(c) != "Pd")
