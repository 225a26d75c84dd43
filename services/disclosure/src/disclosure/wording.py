"""One proof, three wordings: for the person whom the records are about, for whoever asked, and for auditors.

All three are made from the steps of the decision and say the same; they differ in what each reader needs and may know. The
person learns whether anything goes, to what kind of recipient and why. The requester learns what to show, and nothing of
what the records hold. Auditors get every step with its answer and its place in the law.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from disclosure.question import Decision, Question, Rules, Step

Reader = Literal["person", "requester", "auditor"]

_VERDICT: Mapping[Reader, Mapping[str, str]] = {
    "person": {
        "allow": "Information about you may be given to: {recipient}.",
        "deny": "Nothing about you is given to: {recipient}.",
        "undecided": "Nothing about you is given to: {recipient}. It was asked for, and what the law wants was not shown.",
    },
    "requester": {
        "allow": "What you asked for may be disclosed to: {recipient}.",
        "deny": "What you asked for is not disclosed to: {recipient}.",
        "undecided": "What you asked for is not disclosed yet to: {recipient}. Please show what is listed below.",
    },
    "auditor": {
        "allow": "ALLOW to {recipient}, on {basis}, under {version}.",
        "deny": "DENY to {recipient}, on {basis}, under {version}.",
        "undecided": "UNDECIDED to {recipient}, on {basis}, under {version}.",
    },
}
_ANSWERS = {"yes": "yes", "no": "NO", "not-shown": "NOT SHOWN"}
_INTERNAL = ("transcript.", "dispute.", "tax.")
"""Steps about what the records are or hold: no business of whoever asks for them."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A text in plain sentences, and the list under it."""

    reader: Reader
    verdict: str
    points: tuple[str, ...]


def word(rules: Rules, question: Question, decision: Decision, reader: Reader) -> Wording:
    """The decision in words for one kind of reader."""
    basis, refused = rules.bases.get(question.basis), rules.refused.get(question.basis)
    recipient = rules.notice.recipients[question.recipient_kind].title
    title = basis.title if basis else refused.title if refused else question.basis
    verdict = _VERDICT[reader][decision.outcome].format(
        recipient=recipient, basis=f"{question.basis} ({title})", version=decision.rule_version
    )
    points = {"person": _for_person, "requester": _for_requester, "auditor": _for_auditor}[reader](title, decision)
    return Wording(reader, verdict, tuple(points))


def _for_person(title: str, decision: Decision) -> Iterable[str]:
    yield f"The ground that was named: {title}."
    if decision.withheld:
        yield "Tax return information in these records stays with the agency (26 U.S.C. 6103)."
    for step in decision.reasons if decision.outcome != "allow" else ():
        yield f"{_said(step)} {step.asks} (This is asked because of: {step.citation}.)"
    if decision.outcome == "allow":
        yield "When it goes, date, purpose and recipient are kept for you to see (5 U.S.C. 552a(c))."


def _for_requester(title: str, decision: Decision) -> Iterable[str]:
    yield f"The ground that you named: {title}."
    kept_back = 0
    for step in decision.reasons if decision.outcome != "allow" else ():
        if step.fact.startswith(_INTERNAL):
            kept_back += 1
        else:
            yield f"{_said(step)} {step.asks} [{step.fact}] (This is asked because of: {step.citation}.)"
    if kept_back:
        yield "Something is open within the agency, which you need not show."
    if decision.withheld:
        yield "Some lines are withheld by law."


def _for_auditor(_: str, decision: Decision) -> Iterable[str]:
    for n, step in enumerate(decision.steps, start=1):
        letter = f" letter ({step.letter})" if step.letter else ""
        yield f"{n}. {step.fact}{letter}: {_ANSWERS[step.answer]}. {step.asks} [{step.citation}]"
    for span in decision.withheld:
        yield f"Withheld: {span.transcript_id}, lines {span.first} to {span.last} [26 U.S.C. 6103]"


def _said(step: Step) -> str:
    return "Answered with no:" if step.answer == "no" else "Not shown:"
