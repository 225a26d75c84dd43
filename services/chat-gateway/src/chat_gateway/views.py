"""What a reader sees of an entry, and what is withheld from them. Pure.

What is said, its seal and its digests never change by it: an employee's PIN is left out for the public, and what is
protected in the words of others is masked for employees whose work does not show it to them.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from chat_gateway.model import Entry, Kind, Participant
from chat_gateway.saying.masking import MARK, Hidden, hidden_in, masked
from common.auth import Principal
from common.pii.taxonomy import load

NAMING = frozenset({Kind.JOINED, Kind.TRANSFERRED})
"""Entries in which an employee's PIN stands."""

ACCOUNTS = frozenset({Kind.OPENED, Kind.ACCOMPANIED})
"""Entries in which the account of a member of the public stands."""

WITHHELD = frozenset({"account_id", "pin", "salt"})
"""Members of `pii` that some readers do not see."""

ENTITLEMENT = "protected-pii"
"""Who has this among the `entitlements` of their token sees what is protected without asking each time."""


@dataclass(frozen=True, slots=True)
class View:
    """Attributes:
    pin: PINs of employees are left out (S1-036).
    protected: what is protected in the words of others is masked.
    own: the reader's own id in the session.
    """

    pin: bool
    protected: bool
    own: str


def view_of(who: Participant, *, entitled: bool) -> View:
    """What is withheld from this participant."""
    public = who.public
    return View(pin=public, protected=not public and not entitled, own=who.id)


def is_entitled(principal: Principal) -> bool:
    """Whether an employee's own position shows them what is protected."""
    listed = principal.claims.get("entitlements")
    return isinstance(listed, list) and ENTITLEMENT in listed


def frame_of(told: Entry, view: View) -> str:
    """The frame of an entry for this reader; made once for all who may see the same."""
    if _left_out(told, view):
        return orjson.dumps(seen(told, view)).decode()
    if view.protected and told.kind is Kind.MESSAGE and told.by != view.own:
        if told.masked_frame is None:
            hides = bool(hidden_in(_text(told), load()))
            told.masked_frame = orjson.dumps(seen(told, view)).decode() if hides else ""
        if told.masked_frame:
            return told.masked_frame
    if not told.frame:
        told.frame = f'{{"type":"entry","kind":"{told.kind.value}","entry":{told.shown.decode()}}}'
    return told.frame


def seen(told: Entry, view: View) -> dict[str, Any]:
    """What this reader sees of an entry.

    The salt goes with whatever is left out: with it and the rest, a PIN or a number could be guessed against the commitment.
    """
    content = orjson.loads(told.shown)
    frame: dict[str, Any] = {"type": "entry", "kind": told.kind.value}
    if left_out := _left_out(told, view):
        for name in left_out:
            del content["pii"][name]
        frame["withheld"] = [f"pii.{name}" for name in left_out]
    elif view.protected and told.kind is Kind.MESSAGE and told.by != view.own:
        pii = content["pii"]
        if places := hidden_in(pii["text"], load()):
            pii["text"] = masked(pii["text"], places)
            del pii["salt"]
            frame |= {"withheld": ["pii.salt"], "masked": told_of(places)}
    return {**frame, "entry": content}


def _left_out(told: Entry, view: View) -> tuple[str, ...]:
    """Members of `pii` that a member of the public does not see: employees' PINs, and the account of the other one."""
    if view.pin and told.kind in NAMING:
        return ("pin", "salt")
    return ("account_id", "salt") if view.pin and told.kind in ACCOUNTS and told.by != view.own else ()


def told_of(places: tuple[Hidden, ...]) -> list[dict[str, Any]]:
    """Masked places as a reader is told of them: where the mark stands, and of what kind it is."""
    return [{"span": n, "kind": p.kind, "at": p.at, "length": len(MARK)} for n, p in enumerate(places)]


def _text(told: Entry) -> str:
    text: str = orjson.loads(told.pii)["text"]
    return text
