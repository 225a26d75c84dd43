"""What is written to somebody whose data got out: every part that a notice has to have, in plain words. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from disclosure.policy import agency_day

PARTS = ("happened", "to_do", "being_done", "telephone", "email", "address")
"""What only people can say: what happened, what to do, what is being done, and three ways to ask."""

_IN_WORDS = {
    "social-security-number": "your Social Security number",
    "payment-card-number": "the number of a payment card",
    "bank-account-number": "the number of a bank account",
    "home-address": "your home address",
    "personal-telephone": "your telephone number",
    "biometric-identifier": "a measure or image of your body",
    "date-of-birth": "your date of birth",
    "place-of-birth": "your place of birth",
    "mothers-maiden-name": "your mother's maiden name",
    "criminal-record": "information from a criminal record",
    "medical-record": "medical information",
    "financial-record": "financial information",
    "name": "your name",
}


def missing(parts: Mapping[str, str]) -> list[str]:
    """Parts that are not said."""
    return [name for name in PARTS if not parts.get(name, "").strip()]


def notice(
    parts: Mapping[str, str],
    kinds: Sequence[str],
    *,
    happened_at: datetime | None,
    detected_at: datetime,
    encrypted: bool,
    suspected: bool,
) -> str:
    """The letter. `kinds`: of the person's data that got out."""
    what = ", ".join(_IN_WORDS.get(kind, kind.replace("-", " ")) for kind in kinds) or "information about you"
    when = f"It happened on {agency_day(happened_at)}, and we" if happened_at else "We do not know when it happened. We"
    may = "may have reached" if suspected else "reached"
    shut = " It was encrypted." if encrypted else " It was not encrypted."
    return (
        f"Information about you {may} somebody who should not have it.\n\n"
        f"What happened: {parts['happened']} {when} found out on {agency_day(detected_at)}.\n\n"
        f"What it was: {what}.{shut}\n\n"
        f"What you can do: {parts['to_do']}\n\n"
        f"What we do: {parts['being_done']}\n\n"
        f"Ask us: telephone {parts['telephone']}, e-mail {parts['email']}, or write to {parts['address']}.\n"
    )
