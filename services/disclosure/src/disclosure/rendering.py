"""A notice as a page that people read: made from the same data that decides, so that it cannot say anything else."""

from collections.abc import Iterable, Iterator

from disclosure.model import Basis, Condition, Element, Notice, RoutineUse
from disclosure.published import Statement
from disclosure.question import Rules

_WAYS = {
    "finding": "yes or no",
    "signed-finding": "yes or no, signed by an official for this very request",
    "reference": "a mark under which it is filed",
    "day-reached": "a day that is not to come",
    "day-not-passed": "a day that is not over",
    "recipient-kind": "the kind of recipient that the request names",
    "elements-named": "elements of the records, each named; never the whole record",
    "elements-covered": "a list that holds every element that would go",
}
_SOURCES = {
    "asked": "",
    "agreement": " From the register of agreements.",
    "consent": " From the register of consents.",
    "records": " Known to the service.",
}


def render(rules: Rules) -> str:
    """The page in Markdown. It ends in a line feed."""
    return "\n".join(_lines(rules)) + "\n"


def _lines(rules: Rules) -> Iterator[str]:
    notice = rules.notice
    yield f"# System of records {notice.system}: {notice.name}"
    yield ""
    yield "Written by `make schemas` from the data that decisions are made by: change it there. It tells the notice in our words;"
    yield f"the notice itself is the law: {notice.citation}."
    yield f"Rules: `{rules.version}`."
    yield ""
    yield from _facts(notice)
    for title, statements in (
        ("Purposes", notice.purposes_published),
        ("Individuals covered", notice.individuals),
        ("Where the records come from", notice.sources),
        ("How records are found", notice.retrieval_keys),
        ("Storage", notice.storage),
        ("Safeguards", notice.safeguards),
        ("Retention and disposal", notice.retention),
        ("Notification, access and contesting", notice.procedures),
    ):
        yield from _section(title, statements)
    yield from _record_elements(notice)
    yield from _publications(notice)
    yield from _asked_always(notice)
    yield from _all_of("Routine uses", notice.routine_uses)
    yield from _all_of("Consent and the exceptions of 5 U.S.C. 552a(b)", notice.conditions)
    yield from _refused(notice)


def _facts(notice: Notice) -> Iterator[str]:
    yield f"- System manager: {notice.manager_office}, {notice.manager_address}"
    yield f"- Location: {notice.location}"
    yield f"- Authority: {notice.authority}"
    yield f"- Exemptions claimed: {', '.join(notice.exemptions) or 'none'}"
    yield f"- Version {notice.version}; before it: {notice.previous or 'none'}"
    yield ""


def _section(title: str, statements: Iterable[Statement]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield from (f"- {one.says} ({one.citation})" for one in statements)
    yield ""


def _record_elements(notice: Notice) -> Iterator[str]:
    yield "## Elements of the records"
    yield ""
    yield "A disclosure names these; the whole record is none of them."
    yield ""
    yield "| code | what | about | where the notice says so |"
    yield "|---|---|---|---|"
    for code, one in notice.record_elements.items():
        yield f"| `{code}` | {one.title} | {one.about} | {one.citation} |"
    yield ""


def _publications(notice: Notice) -> Iterator[str]:
    yield "## Publications"
    yield ""
    yield "A routine use is inert until the document that announced it has run its course and its own day has come."
    yield ""
    yield "| id | where | published | comments until | OMB told | Congress told |"
    yield "|---|---|---|---|---|---|"
    for one in notice.publications:
        told = " | ".join(str(one.reported_on[body] or "not yet") for body in ("omb", "congress"))
        yield f"| {one.id} | {one.citation}, {one.docket} | {one.published_on or 'not yet'} | {one.comments_end_on or '-'} | {told} |"
    yield ""


def _asked_always(notice: Notice) -> Iterator[str]:
    yield "## Asked under every basis"
    yield ""
    yield "The bar on tax return information comes first and yields to nothing; lines that may not go stay, the rest may."
    yield ""
    yield from _elements((*notice.bar, *notice.common))


def _all_of(title: str, bases: Iterable[Basis]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    for basis in bases:
        yield f"### {basis.id}: {basis.title}"
        yield ""
        yield basis.summary
        yield ""
        yield f"- Where: {basis.citation}"
        yield f"- To: {', '.join(basis.recipients)}"
        yield from (f"- For (`{code}`): {says}" for code, says in basis.purposes.items())
        yield from _kind_of(basis)
        yield ""
        yield from _elements(basis.elements)


def _kind_of(basis: Basis) -> Iterator[str]:
    if isinstance(basis, RoutineUse):
        yield f"- Announced by {basis.publication}; in force from {basis.effective_on or 'a day not set yet'}"
        yield from (f"- Letter ({letter}): {says}" for letter, says in basis.letters.items())
        if basis.letters:
            yield f"- Letters: {'all are needed' if basis.letters_joined_by == 'and' else 'one is enough'}"
    if isinstance(basis, Condition):
        yield f"- Accounted for: {'yes' if basis.accounted else 'the law does not ask for it'}"
        yield f"- Shown to the person in the accounting: {'yes' if basis.seen_by_person else 'no (5 U.S.C. 552a(c)(3))'}"


def _elements(elements: Iterable[Element]) -> Iterator[str]:
    yield "| fact | question | answered by | where it comes from |"
    yield "|---|---|---|---|"
    for element in elements:
        yield f"| `{element.fact}` | {_when(element)}{element.asks} | {_way(element)} | {element.citation} |"
    yield ""


def _way(element: Element) -> str:
    accepts = element.accepts
    words = ", ".join(f"`{code}`" for code in accepts) if isinstance(accepts, tuple) else _WAYS[accepts]
    return words + (_SOURCES[element.source] and "." + _SOURCES[element.source])


def _when(element: Element) -> str:
    only = [f"`{fact}` is {' or '.join(values)}" for fact, values in element.when.items()]
    never = [f"`{fact}` is not {' or '.join(values)}" for fact, values in element.unless.items()]
    return f"If {' and '.join(only + never)}: " if only or never else ""


def _refused(notice: Notice) -> Iterator[str]:
    yield "## Bases that never lead to a release"
    yield ""
    for basis in notice.refused:
        yield f"- `{basis.id}`, {basis.title}: {basis.because} ({basis.citation})"
