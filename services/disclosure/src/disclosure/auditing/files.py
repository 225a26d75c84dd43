"""Rows as a file: JSON with a proof of each row, CSV for tables, PDF for paper. Every form is written row by row.

The same rows against the same tree give the same bytes: nothing of the moment at which it is written stands in it.
"""

import csv
import io
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import orjson

from common.audit.heads import b64
from disclosure.auditing import pdf
from disclosure.auditing.asked import Register
from disclosure.auditing.proofs import Proof, Tree
from disclosure.auditing.rows import AccountingFound, DecisionFound, IndividualFound, RequestFound, Row
from disclosure.commitments import commitment

Form = Literal["json", "csv", "pdf"]
MEDIA: Mapping[Form, str] = {"json": "application/json", "csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
Proven = Sequence[tuple[Row, Proof]]

_COLUMNS = {
    "requests": tuple(RequestFound.model_fields),
    "decisions": tuple(DecisionFound.model_fields),
    "accountings": tuple(AccountingFound.model_fields),
    "individual-requests": tuple(IndividualFound.model_fields),
}
_PROVEN = ("proven", "commitment", "leaf_index", "tree_size", "root_hash")
_FORMULAS = "=+-@\t\r\n"
"""Also in their full width, which NFKC folds."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What a file says of itself. `asked` holds no person's value: a digest stands for each."""

    register: Register
    asked: Mapping[str, str]
    tree: Tree


async def as_json(heading: Heading, pages: AsyncIterator[Proven]) -> AsyncIterator[bytes]:
    """One object: what was asked, the signed head, and `rows`, each `{"row": …, "since": …, "covers": …, "proof": …}`.

    A row that is proven in its content is the very document that was committed to: SHA-256 over its canonical form.
    """
    head = {
        "register": heading.register,
        "asked": dict(heading.asked),
        "tree_size": heading.tree.size,
        "root_hash": b64(heading.tree.root),
        "statement": heading.tree.statement,
    }
    yield orjson.dumps(head)[:-1] + b',"rows":[\n'
    first = True
    async for page in pages:
        for row, proof in page:
            yield (b"" if first else b",\n") + orjson.dumps({"row": row.whole(), "since": row.since, **asdict(proof)})
            first = False
    yield b"\n]}\n"


async def as_csv(heading: Heading, pages: AsyncIterator[Proven]) -> AsyncIterator[bytes]:
    """RFC 4180, every cell quoted. Lists and objects stand as JSON; a cell that a spreadsheet could take for a formula
    begins with an apostrophe.
    """
    columns = _COLUMNS[heading.register]
    yield _line((*columns, *_PROVEN))
    async for page in pages:
        for row, proof in page:
            shown = row.shown.model_dump(mode="json")
            yield _line([*(_cell(shown[name]) for name in columns), *map(_cell, _proven(row, proof, heading.tree))])


async def as_pdf(heading: Heading, pages: AsyncIterator[Proven]) -> AsyncIterator[bytes]:
    """The rows one below the other, with what is proven of each. Pages are written a batch of rows at a time."""
    file = pdf.Pages(f"Register of {heading.register}")
    yield file.begin() + file.add(
        [
            *(f"Asked by {name}: {value}" for name, value in heading.asked.items()),
            f"Signed tree: size {heading.tree.size}, root {b64(heading.tree.root)}",
            "The proofs themselves stand in the same export as JSON.",
        ]
    )
    async for page in pages:
        for row, proof in page:
            shown = row.shown.model_dump(mode="json")
            told = dict(zip(_PROVEN[:3], _proven(row, proof, heading.tree), strict=False))
            yield file.add(["", *(f"{name}: {_text(value)}" for name, value in (shown | told).items())])
    yield file.end()


def writer(form: Form, heading: Heading, pages: AsyncIterator[Proven]) -> AsyncIterator[bytes]:
    match form:
        case "json":
            return as_json(heading, pages)
        case "csv":
            return as_csv(heading, pages)
        case "pdf":
            return as_pdf(heading, pages)


def _proven(row: Row, proof: Proof, tree: Tree) -> tuple[Any, ...]:
    """The values of `_PROVEN`."""
    digest = commitment(row.document) if row.document and proof.covers == "content" else ""
    said = proof.covers if not proof.because else f"{proof.covers}: {proof.because}"
    return said, digest, proof.proof["leaf_index"] if proof.proof else None, tree.size, b64(tree.root)


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode()


def _cell(value: object) -> str:
    """What cannot start anything in a spreadsheet; numbers and what begins with a letter or digit stay as they are."""
    text = _text(value)
    first = unicodedata.normalize("NFKC", text.lstrip(" ")[:1])
    return f"'{text}" if first and first in _FORMULAS else text


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
