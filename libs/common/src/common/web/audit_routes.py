"""Routes that every service has over its audit trail: proofs and reports for auditors, and one's own for the person concerned.

Proofs can be checked without the platform: deploy/audit/check_proof.py needs Python and nothing else.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from common.access import Look
from common.access.table import Reach
from common.audit import merkle, term, tree
from common.audit.canonical import canonical
from common.audit.heads import b64
from common.audit.reports import Asked, entries, entry
from common.errors import FieldError, InvalidError, NotFoundError
from common.web.audit_schemas import (
    ConsistencyProof,
    EntriesAsked,
    EntryPage,
    EntryShown,
    InclusionProof,
    OwnAccess,
    OwnAccessPage,
    SignedHead,
)
from common.web.door import AtDoor, Guarded

RecordsOf = Callable[[Request, Look], Awaitable[Sequence[str]]]
"""Which records of this service are the caller's own; ids as they stand in audit entries."""

Size = Annotated[int, Query(ge=1, le=2**62)]
Cursor = Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next_cursor` of the page before")]

router = APIRouter(prefix="/v1/audit", tags=["audit trail"], route_class=Guarded)


@router.get("/head", operation_id="audit.head", summary="The newest signed head of this service's audit tree")
async def head(door: AtDoor) -> SignedHead:
    """What another service holds too; take it away, and later ask for the proof that the tree only grew since."""
    async with door.open("audit.head", fields=["audit_head"]) as look:
        found = await tree.last_head(look.session)
        if found is None:
            raise NotFoundError("nothing was recorded here yet, so there is no head")
    return SignedHead(
        tree_size=found["tree_size"],
        root_hash=b64(found["root"]),
        signed_at=found["signed_at"],
        statement=found["statement"],
    )


@router.get("/proofs/inclusion", operation_id="audit.prove-inclusion", summary="Prove that an entry is in the tree")
async def inclusion(door: AtDoor, entry_id: UUID, tree_size: Size | None = None) -> InclusionProof:
    """RFC 9162, 2.1.3. Without a size, of the newest head."""
    async with door.open("audit.prove-inclusion", fields=["audit_entry"]) as look:
        leaf, row = await tree.leaf_of(look.session, entry_id), await entry(look.session, entry_id)
        last = await tree.last_head(look.session)
        if leaf is None or row is None or last is None:
            raise NotFoundError("the tree holds no entry with this id (yet: it takes a second or two)")
        index, size = int(leaf["leaf_index"]), tree_size or int(last["tree_size"])
        if not index < size <= int(last["tree_size"]):
            raise _wrong_size("tree_size", f"from {index + 1} to {last['tree_size']}")
        path = await tree.roots(look.session, merkle.inclusion_path(index, size))
        (root,) = await tree.roots(look.session, [(0, size)])
        signed = await tree.head_at(look.session, size)
        look.touch(str(entry_id))
    return InclusionProof(
        tree_size=size,
        leaf_index=index,
        inclusion_path=[b64(one) for one in path],
        leaf_input=canonical(dict(row)).decode(),
        root_hash=b64(root),
        statement=signed["statement"] if signed else None,
    )


@router.get(
    "/proofs/consistency",
    operation_id="audit.prove-consistency",
    summary="Prove that the tree only grew between two sizes",
)
async def consistency(door: AtDoor, first: Size, second: Size | None = None) -> ConsistencyProof:
    """RFC 9162, 2.1.4. Without a second size, up to the newest head."""
    async with door.open("audit.prove-consistency", fields=["audit_head"]) as look:
        last = await tree.last_head(look.session)
        newest = int(last["tree_size"]) if last else 0
        to = second or newest
        if not first <= to <= newest:
            raise _wrong_size("second", f"from {first} to {newest}")
        path = await tree.roots(look.session, merkle.consistency_path(first, to))
        old, new = await tree.roots(look.session, [(0, first), (0, to)])
    return ConsistencyProof(
        tree_size_1=first,
        tree_size_2=to,
        consistency_path=[b64(one) for one in path],
        root_hash_1=b64(old),
        root_hash_2=b64(new),
    )


@router.post("/entries/search", operation_id="audit.search", summary="Who did what: entries, newest first")
async def search(request: Request, door: AtDoor, asked: EntriesAsked) -> EntryPage:
    """By user, record, personal term, time, action, purpose and outcome (S3 8.1)."""
    named = sorted(asked.model_dump(exclude={"cursor", "limit"}, exclude_none=True))
    terms = _term(request, asked)
    async with door.open("audit.search", fields=["audit_entry", *(f"key.{name}" for name in named)]) as look:
        look.touch(*([asked.record_id] if asked.record_id else []), terms=terms)
        sought = Asked(
            user_id=asked.user_id,
            record_ids=[asked.record_id] if asked.record_id else None,
            term=terms[0] if terms else None,
            at_from=asked.at_from,
            at_to=asked.at_to,
            action=asked.action,
            purpose=asked.purpose,
            outcome=asked.outcome,
        )
        rows = await entries(look.session, sought, before=_position(asked.cursor), limit=asked.limit)
    return EntryPage(
        items=[EntryShown.model_validate(dict(row)) for row in rows],
        next_cursor=str(rows[-1]["position"]) if len(rows) == asked.limit else None,
    )


def own_accesses(operation: str, records_of: RecordsOf, *, hidden: Sequence[str] = ()) -> APIRouter:
    """The route by which a person sees who looked at their records here (5 U.S.C. 552a(c)(3); S3 8.1).

    Args:
        operation: of the table of permissions.
        hidden: beginnings of the names of looks that the person is not shown.
    """
    own = APIRouter(prefix="/v1/me", tags=["audit trail"], route_class=Guarded)

    @own.get("/accesses", operation_id=operation, summary="Who looked at my records")
    async def accesses(
        request: Request, door: AtDoor, cursor: Cursor = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> OwnAccessPage:
        """When, in which role, what for and which fields, newest first. Which employee it was is told by the agency."""
        async with door.open(operation, fields=["accesses"]) as look:
            mine = await records_of(request, look) if look.covers(Reach(own=True)) else []
            shown = Asked(record_ids=mine, outcome="done", hidden=hidden)
            rows = await entries(look.session, shown, before=_position(cursor), limit=limit) if mine else []
            look.touch(*mine[:limit])
        known = set(mine)
        items = [
            OwnAccess(
                at=row["at"],
                roles=row["roles"],
                action=row["action"],
                purpose=row["purpose"],
                record_ids=[one for one in row["record_ids"] if one in known],
                fields=row["fields"],
            )
            for row in rows
        ]
        return OwnAccessPage(items=items, next_cursor=str(rows[-1]["position"]) if len(rows) == limit else None)

    return own


def _term(request: Request, asked: EntriesAsked) -> list[str]:
    key: bytes | None = getattr(request.app.state, "term_key", None)
    if asked.term is None:
        return []
    if key is None:
        raise InvalidError(
            "no search of this service is kept by personal terms",
            errors=[FieldError("term", "this service keeps none")],
        )
    return [term(key, asked.term.name, asked.term.value)]


def _position(cursor: str | None) -> int | None:
    return int(cursor) if cursor else None


def _wrong_size(name: str, possible: str) -> InvalidError:
    return InvalidError("the tree has no such size", errors=[FieldError(name, possible)])
