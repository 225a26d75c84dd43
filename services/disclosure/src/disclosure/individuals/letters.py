"""What is written to the person, in plain words and complete by law. A letter never says more than its act gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from disclosure.individuals.clocks import Clock
from disclosure.individuals.doors import Aim
from disclosure.individuals.grounds import Ground
from disclosure.individuals.identity import IdentityTable, Verdict

SUBJECT = {
    "notification": "whether we keep a record about you",
    "access": "access to your record",
    "amendment": "the correction of your record",
}


@dataclass(frozen=True, slots=True)
class Official:
    """Who reviews a refusal: name and business address (5 U.S.C. 552a(d)(2)(B)(ii))."""

    name: str
    address: str


def acknowledgement(kind: str, received_on: date, waits: str) -> str:
    """The written acknowledgement (5 U.S.C. 552a(d)(2)(A)).

    Args:
        waits: what the person has to do before we go on; empty when nothing.
    """
    return _letter(
        f"We received your request about {SUBJECT[kind]} on {_day(received_on)}.", waits or "We are working on it."
    )


def proof_needed(table: IdentityTable, verdict: Verdict) -> str:
    """What has to be proved. It is the same whether there is a record or not (20 CFR 401.45)."""
    asks = [f"- {table.elements[name].asks}" for name in verdict.missing]
    why = [verdict.closed[:1].upper() + verdict.closed[1:] + "."] if verdict.closed else []
    others = [f"You can also come to us: {', '.join(table.channels[c].title.lower() for c in verdict.instead)}."]
    return _letter(
        "Before we can do anything, and before we can say whether there is a record, it has to be proved who asks.",
        *why,
        *(["Still open:", *asks] if asks else []),
        *(others if verdict.instead else []),
    )


def question(text: str, due: Clock | None) -> str:
    """A question back. The time limit for the acknowledgement runs on meanwhile."""
    runs = f"Our time limit runs on: {_day(due.due_on)} ({due.authority})." if due else ""
    return _letter("To go on with your request we need an answer from you:", text, runs)


def sent_on(aim: Aim, received_on: date) -> str:
    return _letter(
        f"What you ask belongs to another office: {aim.to} ({aim.citation}), since {aim.because}.",
        f"We sent it there. It counts as received on {_day(received_on)}, the day on which it came to us.",
    )


def delay(until: date) -> str:
    return _letter(f"Your request takes longer. You will hear from us by {_day(until)} (20 CFR 401.50(b)).")


def answer(kind: str, *, found: bool) -> str:
    """What somebody is told whose request is granted in full."""
    if kind == "notification":
        said = "We keep a record about you." if found else "We have found no record about you."
        return _letter(said, "You may ask to see it and to have it corrected." if found else "")
    if kind == "access":
        return _letter(
            "You may see your record and have a copy of it in a form that you can understand.",
            "You may bring a person of your choice, if you say in writing that we may speak of the record before them.",
            "You pay for copies at most; searching and reviewing cost nothing (5 U.S.C. 552a(f)(5)).",
        )
    return _letter("We corrected the record as you asked. Those to whom it was disclosed before will be told.")


def refusal(
    kind: str, grounds: Sequence[Ground], reason: str, official: Official, procedure: str, *, part: bool
) -> str:
    """A refusal: reason, way to a review, and who reviews, by name and business address (552a(d)(2)(B)(ii))."""
    return _letter(
        f"We refuse {'in part ' if part else ''}what you asked about {SUBJECT[kind]}.",
        *(f"{ground.says} ({ground.citation})." for ground in grounds),
        reason,
        procedure,
        f"The review is made by {official.name}, {official.address}.",
    )


def review_begun(due: Clock) -> str:
    return _letter(f"Your request for a review is here. It will be decided by {_day(due.due_on)} ({due.authority}).")


def extended(until: date, cause: str) -> str:
    return _letter(f"The head of the agency extended the review until {_day(until)}, for good cause:", cause)


def final_refusal(kind: str, reason: str) -> str:
    """Refused on review. It tells of the statement and of judicial review (552a(d)(3), (g)(1)(A))."""
    statement = (
        "You may file a concise statement of why you disagree. It stays with the record: whoever gets the disputed part from "
        "us from then on gets it marked, with a copy of your statement."
    )
    return _letter(
        f"The review is over. We do not grant, or not wholly, what you asked about {SUBJECT[kind]}.",
        reason,
        statement if kind == "amendment" else "",
        "You may have this reviewed by a court: you can bring a civil action in a district court of the United States within "
        "two years (5 U.S.C. 552a(g)(1), (g)(5)).",
    )


def statement_taken() -> str:
    return _letter(
        "Your statement of disagreement is with the record. The disputed part is marked in every disclosure from now on, and "
        "those to whom it was disclosed before will be told (5 U.S.C. 552a(d)(4), (c)(4))."
    )


def delivered(forms: Mapping[str, str], form: str, *, companion: bool) -> str:
    beside = " The person whom you chose was there, as you allowed in writing." if companion else ""
    return _letter(f"You received your record: {forms[form]}.{beside}")


def withdrawn() -> str:
    return _letter("You withdrew your request. You may ask again at any time.")


def _letter(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
