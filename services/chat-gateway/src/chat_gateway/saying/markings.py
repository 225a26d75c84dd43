"""Recognises text that is marked as classified: the system is unclassified and must not keep it (S1-010). Pure.

A marking is a banner, a portion mark or the lines of a classification block, in the form of 32 CFR 2001.21 to 2001.24.
The words alone are none: whoever writes that something is secret or confidential has marked nothing.
"""

import re

from common.pii.folding import fold

_LEVEL = r"(?:TOP SECRET|SECRET|CONFIDENTIAL)"
_CONTROL = r"(?:NOFORN|ORCON|RELIDO|IMCON|PROPIN|FISA|REL TO [A-Z, ]{3,40}|NF|OC|SI|TK|HCS|SAR-[A-Z]+|RD|FRD|COMINT|TALENT KEYHOLE|GAMMA)"
_PERHAPS = ("SECRET", "CONFIDENTIAL", "//", "(")
_PERHAPS_SMALL = ("classif", "derived from", "downgrade to")
_MARKS = {
    "banner": re.compile(rf"(?m)^[\W_]*{_LEVEL}\s?//\s?[A-Z]|\b{_LEVEL}\s?//\s?{_CONTROL}\b"),
    "top-secret": re.compile(r"(?m)^[\W_]*TOP SECRET[\W_]*$"),
    "portion": re.compile(r"(?m)^\s*(?:\d+[.)]\s*)?\((?:TS|S|C)(?://[A-Z][A-Z/, -]*)?\)\s*\S"),
    "portion-control": re.compile(rf"\((?:TS|S|C)//{_CONTROL}(?:[/,]+{_CONTROL})*\)"),
    "block": re.compile(r"(?im)^\s*(?:classified by|derived from|declassify on|downgrade to)\s*:\s*\S"),
}
_TWICE = re.compile(r"(?m)^[\W_]*(?:SECRET|CONFIDENTIAL)[\W_]*$")
_CLASSIFICATION_BLOCK_LINES = 2


def marking_in(text: str) -> str | None:
    """The sort of marking that stands in the text, or None.

    A line of a single level counts at the head and at the foot together; of a classification block two lines are needed.
    One portion mark of a level alone is a list like any other, `(C)` being its third item; two kinds are needed, or a control.
    """
    plain = text if text.isascii() else fold(text).text
    # Nothing is marked without one of these: a look at most words costs nothing (a test holds both together).
    if not _may_be_marked(plain):
        return None
    for sort in ("banner", "top-secret", "portion-control"):
        if _MARKS[sort].search(plain):
            return sort
    if len(_TWICE.findall(plain)) > 1:
        return "banner"
    if len(_MARKS["block"].findall(plain)) >= _CLASSIFICATION_BLOCK_LINES:
        return "block"
    portions = {match.group().split(")")[0].strip() for match in _MARKS["portion"].finditer(plain)}
    return "portion" if any("TS" in mark or "//" in mark for mark in portions) else None


def _may_be_marked(plain: str) -> bool:
    if any(sign in plain for sign in _PERHAPS):
        return True
    small = plain.lower()
    return any(words in small for words in _PERHAPS_SMALL)
