"""Which words a request may use: bases, kinds of recipient, purposes and facts of the rules, and nothing beside them.

The same checks stand at both doors (HTTP and events). What is wrong is said by field and rule, never with the value:
somebody may have typed a person's name where a code belongs.
"""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from common.contracts.disclosure import FactValue
from common.errors import FieldError
from disclosure.model import Element, Notice
from disclosure.question import TAX_AUTHORITIES, TaxSpan, read_day, read_elements

REFERENCE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:/()-]{0,99}$")
_CODE = re.compile(r"^[a-z0-9][a-z0-9.-]{0,79}$")
_NUMBER_OF_A_PERSON = re.compile(r"(?<!\d)\d{3}-?\d{2}-?\d{4}(?!\d)")
_MOST_FACTS = 60


def wrong_with(
    notice: Notice, *, basis: str, recipient_kind: str, purpose: str, facts: Mapping[str, FactValue]
) -> list[FieldError]:
    """What keeps a request from being understood; empty when nothing does."""
    wrong = []
    if basis not in set(notice.bases()):
        wrong.append(_unknown("basis", basis, list(notice.bases())))
    if recipient_kind not in notice.recipients:
        wrong.append(_unknown("recipient_kind", recipient_kind, list(notice.recipients)))
    if purpose not in notice.purposes():
        wrong.append(_unknown("purpose", purpose, sorted(notice.purposes())))
    return wrong + wrong_with_facts(notice, facts)


def wrong_with_facts(notice: Notice, facts: Mapping[str, FactValue]) -> list[FieldError]:
    """What is wrong with these facts, by name; an unknown name is not repeated."""
    if len(facts) > _MOST_FACTS:
        return [FieldError("facts", f"there are more than {_MOST_FACTS} facts")]
    known = notice.said_by_people
    wrong: list[FieldError] = []
    for name, value in facts.items():
        if name in known:
            rule = _broken_rule(known[name], value)
            wrong += [FieldError(f"facts.{name}", rule)] if rule else []
        elif (element := notice.by_fact.get(name)) is not None:
            wrong.append(FieldError(f"facts.{name}", _said_elsewhere(element)))
        else:
            wrong.append(_unknown("facts", name, list(known)))
    return wrong


def wrong_with_spans(spans: Sequence[TaxSpan], transcript_ids: Collection[UUID]) -> list[FieldError]:
    """What keeps these lines from being understood: they are of no record asked for, or name no lawful authority."""
    wrong = []
    for n, span in enumerate(spans):
        if span.transcript_id not in transcript_ids:
            wrong.append(FieldError(f"tax_spans.{n}.transcript_id", "is none of the transcripts that were asked for"))
        if span.last < span.first:
            wrong.append(FieldError(f"tax_spans.{n}.last", "comes before the first line"))
        if span.authority and span.authority not in TAX_AUTHORITIES:
            rule = f"must be one of {', '.join(TAX_AUTHORITIES)} (26 U.S.C. 6103; 60-0383, routine uses)"
            wrong.append(FieldError(f"tax_spans.{n}.authority", rule))
        if bool(span.authority) is not bool(span.authority_citation):
            wrong.append(FieldError(f"tax_spans.{n}.authority_citation", "an authority and its place go together"))
    return wrong


def looks_personal(facts: Mapping[str, FactValue]) -> bool:
    """Whether a value, or a name, holds what looks like a social security number."""
    texts = [str(text) for pair in facts.items() for text in pair]
    return any(_holds_number(text) for text in texts)


def _said_elsewhere(element: Element) -> str:
    if element.accepts == "signed-finding":
        return "is a finding: an official signs it for this request at POST /v1/requests/{id}/findings"
    return "is taken from a register and cannot be stated"


def _broken_rule(element: Element, value: FactValue) -> str | None:
    if element.accepts == "finding":
        return None if isinstance(value, bool) else "must be true or false"
    if not isinstance(value, str):
        return "must be a text"
    if _holds_number(value):
        return "must not hold a person's number"
    return _broken_form(element, value)


def _broken_form(element: Element, value: str) -> str | None:
    if element.accepts in {"day-reached", "day-not-passed"}:
        return None if read_day(value) else "must be a day, YYYY-MM-DD"
    if element.accepts == "reference":
        return None if REFERENCE.match(value) else "must be a mark without spaces, 1 to 100 characters"
    if element.accepts == "elements-named":
        return None if all(_CODE.match(code) for code in read_elements(value)) else "must be codes, comma between them"
    return None if _CODE.match(value) else "must be a code: small letters, digits, dots, hyphens"


def _unknown(field: str, given: str, known: list[str]) -> FieldError:
    near = difflib.get_close_matches(given, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return FieldError(field, f"is not known to the notice; GET /v1/routine-uses lists what is.{hint}")


def _holds_number(text: str) -> bool:
    """An id may hold nine digits in a row by chance, and none of them is a person's."""
    return _NUMBER_OF_A_PERSON.search(text) is not None and not _is_id(text)


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
