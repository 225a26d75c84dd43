"""What a package rests on: a release that is accounted for, or access that was granted to a person. It says to whom and what."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select

from common.errors import FieldError, InvalidError
from common.protection.service_keys import normalised
from disclosure.individuals import store as individual_store
from disclosure.individuals.intake import PERSON
from disclosure.individuals.tables import IndividualRequest
from disclosure.matters import Desk
from disclosure.packages.desk import Recipient
from disclosure.tables import Accounting, AccountingTranscript, place

GRANTED = frozenset({"granted", "granted-in-part", "granted-on-review"})


@dataclass(frozen=True, slots=True)
class Ground:
    """To whom it may go, as far as that is on record, and which records."""

    name: str
    address: str
    records: frozenset[UUID]


async def of_accounting(desk: Desk, accounting_id: UUID) -> Ground:
    """A release that was decided and accounted for.

    Raises:
        InvalidError: there is none.
    """
    row = await desk.session.get(Accounting, accounting_id)
    if row is None:
        raise InvalidError("nothing rests on it", errors=[FieldError("accounting_id", "is no release on record")])
    name = desk.keys.open(row.recipient_name, place(row.id, "recipient_name"))
    address = desk.keys.open(row.recipient_address, place(row.id, "recipient_address"))
    query = select(AccountingTranscript.transcript_id).where(col(AccountingTranscript.accounting_id) == row.id)
    return Ground(name, address, frozenset((await desk.session.execute(query)).scalars().all()))


async def of_request(desk: Desk, request_id: UUID) -> Ground:
    """Access that was granted to a person.

    Raises:
        InvalidError: there is no such request, or access is not granted.
    """
    row = await desk.session.get(IndividualRequest, request_id)
    if row is None or row.kind != "access" or row.state not in GRANTED:
        raise InvalidError(
            "nothing rests on it", errors=[FieldError("request_id", "is no request to which access is granted")]
        )
    person = individual_store.opened(desk.keys, row.person, PERSON, row.id).get("requester") or {}
    decisions = await individual_store.decisions_of(desk.session, row.id)
    records = decisions["review" if "review" in decisions else "initial"].records
    return Ground(person.get("name", ""), person.get("address", ""), frozenset(records))


async def ground_of(desk: Desk, accounting_id: UUID | None, request_id: UUID | None) -> Ground:
    """Raises InvalidError: it rests on nothing, on two things, or on something that is not there."""
    if accounting_id is not None and request_id is None:
        return await of_accounting(desk, accounting_id)
    if request_id is not None and accounting_id is None:
        return await of_request(desk, request_id)
    told = "a package rests on one release that is accounted for, or on one request to which access is granted"
    raise InvalidError(told, missing=["accounting_id", "request_id"])


def recipient_for(ground: Ground, given: Recipient | None) -> Recipient:
    """To whom it goes: who is on record; what is not on record is given.

    Raises:
        InvalidError: something is missing, or is not what is on record.
    """
    said = given or Recipient("", "")
    pairs = {"name": (ground.name, said.name), "address": (ground.address, said.address)}
    if missing := [f"recipient.{part}" for part, (known, told) in pairs.items() if not (known or told.strip())]:
        raise InvalidError("it is not known to whom it goes", missing=missing)
    if wrong := differs(pairs):
        raise InvalidError(
            "that is not to whom it may go",
            errors=[FieldError(f"recipient.{w}", "is not the one on record") for w in wrong],
        )
    return Recipient(ground.name or said.name, ground.address or said.address)


def wrong_label(recipient: Recipient, label: Recipient, *, with_address: bool) -> list[FieldError]:
    """What on a label is not of whom it goes to: that stops a package before it reaches somebody else."""
    pairs = {"name": (recipient.name, label.name or " ")}
    if with_address:
        pairs["address"] = (recipient.address, label.address or " ")
    return [FieldError(f"addressed_to.{part}", "is not that of the recipient on record") for part in differs(pairs)]


def differs(pairs: dict[str, tuple[str, str]]) -> Sequence[str]:
    """Parts that are known and told and not the same; spacing, case and composition of characters do not count."""
    return [part for part, (known, told) in pairs.items() if known and told and _plain(known) != _plain(told)]


def _plain(value: str) -> str:
    return " ".join(normalised(value).casefold().replace(",", " ").split())
