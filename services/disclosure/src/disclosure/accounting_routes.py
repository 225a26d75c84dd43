"""What was disclosed of a record, when, why and to whom: for those who watch over it, and for the person concerned."""

from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from common.access import OWN_RECORD
from common.contracts.chat import canonical
from common.contracts.disclosure import CopyMade
from common.protection.service_keys import ColumnKeys
from common.web.door import AtDoor, Guarded
from disclosure import policy, rulebook
from disclosure.accounting_store import Line
from disclosure.grant_source import AtGrants
from disclosure.grants import Signer
from disclosure.individuals import store as individual_store
from disclosure.individuals.at_desk import AtIndividuals
from disclosure.tables import Accounting, place
from disclosure.use_cases import accounting

router = APIRouter(prefix="/v1", tags=["accounting of disclosures"], route_class=Guarded)
Cursor = Annotated[UUID | None, Query(description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]
Outcome = Literal["awaited", "released", "refused", "expired"]
_KEPT_FOR = 5
"""Years at least: 5 U.S.C. 552a(c)(2). Nothing here removes a line, so the life of the record is covered as well."""


class AccountingOut(BaseModel):
    """One disclosure as 5 U.S.C. 552a(c)(1) wants it kept: date, nature, purpose, recipient's name and address."""

    id: UUID
    decision_id: UUID
    disclosed_at: datetime
    nature: str
    basis: str
    purpose: str
    recipient_kind: str
    recipient_name: str
    recipient_address: str
    outcome: Outcome = Field(description="What became of it; awaited: the grant can still be used")
    settled_at: datetime | None
    copies: list[CopyMade] = Field(description="What went, by the hash of each copy and of its original")
    keep_until_at_least: date = Field(description="And for the life of the record, if that is longer (552a(c)(2))")

    @classmethod
    def of(cls, line: Line, keys: ColumnKeys) -> Self:
        row, settled = line.row, line.outcome
        sealed = ("recipient_name", "recipient_address")
        return cls(
            **row.model_dump(exclude={"request_id", "outcome", *sealed}),
            **_recipient(row, keys),
            outcome=settled.outcome if settled else "awaited",
            settled_at=settled.settled_at if settled else None,
            copies=[CopyMade.model_validate(copy) for copy in settled.copies] if settled else [],
            keep_until_at_least=_five_years_after(policy.agency_day(row.disclosed_at)),
        )


class AccountingPage(BaseModel):
    transcript_id: UUID
    items: list[AccountingOut]
    next_cursor: UUID | None


class OwnLine(BaseModel):
    """One disclosure of your record."""

    id: UUID
    disclosed_on: date
    nature: str
    basis: str
    citation: str
    purpose: str
    recipient_name: str
    recipient_address: str
    outcome: Outcome = Field(description="released: it went; refused, expired: nothing went; awaited: not yet known")


class OwnAccounting(BaseModel):
    """To whom your record went, when and why (5 U.S.C. 552a(c)(3)); signed, so that you can show it to others.

    `statement` is a JWS (ES256; public keys at /v1/keys) over when it was made and the SHA-256 of `records` and `items` as
    canonical JSON: members sorted, no white space, UTF-8.
    """

    records: list[UUID] = Field(description="Your records, as they were found on requests of yours")
    items: list[OwnLine]
    next_cursor: UUID | None
    statement: str


@router.get(
    "/accountings",
    operation_id="disclosure.read-accounting",
    summary="What was disclosed of a transcript, when, why and to whom",
)
async def list_accountings(
    door: AtDoor, grants: AtGrants, transcript_id: UUID, cursor: Cursor = None, limit: Limit = 50
) -> AccountingPage:
    keys = await grants.column_keys.ready()
    async with door.open(
        "disclosure.read-accounting", transcript_id, fields=["recipient_name", "recipient_address"]
    ) as look:
        lines = await accounting.lines_of(look.session, transcript_id, after=cursor, limit=limit)
        look.touch(*(line.row.id for line in lines))
        return AccountingPage(
            transcript_id=transcript_id,
            items=[AccountingOut.of(line, keys) for line in lines],
            next_cursor=lines[-1].row.id if len(lines) == limit else None,
        )


@router.get("/me/accountings", operation_id="disclosure.read-own-accounting", summary="To whom your record went")
async def own_accounting(
    door: AtDoor, at: AtIndividuals, grants: AtGrants, cursor: Cursor = None, limit: Limit = 50
) -> OwnAccounting:
    """Of the records that were found to be yours on a request of yours. What the law does not show, leaves no trace here."""
    signer, keys = await grants.signer(), await at.keys()
    async with door.open("disclosure.read-own-accounting", fields=["recipient_name", "recipient_address"]) as look:
        theirs = keys.blinds(individual_store.ACCOUNT, look.principal.id) if look.purpose == OWN_RECORD else []
        _ = look.scopes
        records, lines = await accounting.own_lines(look.session, theirs, after=cursor, limit=limit)
        look.touch(*(line.row.id for line in lines))
        items = [_own(line, keys) for line in lines]
        return OwnAccounting(
            records=list(records),
            items=items,
            next_cursor=lines[-1].row.id if len(lines) == limit else None,
            statement=_signed(signer, records, items, look.now),
        )


def _own(line: Line, keys: ColumnKeys) -> OwnLine:
    row = line.row
    basis = rulebook.current(rulebook.system_of(row.basis)).bases[row.basis]
    return OwnLine(
        id=row.id,
        disclosed_on=policy.agency_day(row.disclosed_at),
        nature=row.nature,
        basis=basis.title,
        citation=basis.citation,
        purpose=basis.purposes.get(row.purpose, row.purpose),
        **_recipient(row, keys),
        outcome=line.outcome.outcome if line.outcome else "awaited",
    )


def _signed(signer: Signer, records: Sequence[UUID], items: list[OwnLine], now: datetime) -> str:
    told = {"records": [str(one) for one in records], "items": [item.model_dump(mode="json") for item in items]}
    content = canonical(told)
    return signer.attest({"iat": int(now.timestamp()), "sha256": sha256(content).hexdigest()}, "accounting")


def _recipient(row: Accounting, keys: ColumnKeys) -> dict[str, str]:
    return {
        name: keys.open(getattr(row, name), place(row.id, name)) for name in ("recipient_name", "recipient_address")
    }


def _five_years_after(day: date) -> date:
    """The same day five years on; of a leap day the one after it, so that it is never a day too early."""
    try:
        return day.replace(year=day.year + _KEPT_FOR)
    except ValueError:
        return date(day.year + _KEPT_FOR, 3, 1)
