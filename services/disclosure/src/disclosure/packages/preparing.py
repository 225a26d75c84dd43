"""Put a package together: open it on a signed request, and list what is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from common.errors import FieldError, InvalidError
from common.ids import new_id
from disclosure.individuals import store as sealing
from disclosure.matters import Desk, leads_to
from disclosure.packages import store
from disclosure.packages.desk import RECIPIENT, NewPerson, Recipient, add_persons, held
from disclosure.packages.errors import UnknownItemError
from disclosure.packages.grounds import ground_of, recipient_for
from disclosure.packages.law_files import machines_of_packages
from disclosure.packages.tables import PackageItem, ReleasePackage


@dataclass(frozen=True, slots=True)
class Opening:
    """Who asked for what, how, and who is in it.

    Attributes:
        asked_in, asked_signed, asked_reference: form of the request (written, oral), its signature, and where it is filed.
    """

    nature: str
    asked_in: str
    asked_signed: bool
    asked_reference: str
    persons: Sequence[NewPerson]
    accounting_id: UUID | None = None
    request_id: UUID | None = None
    recipient: Recipient | None = None


async def open_package(desk: Desk, opening: Opening) -> ReleasePackage:
    """Begin a package.

    Raises:
        InvalidError: the request is not written and signed (S2-061); it rests on nothing; nobody is the requester; or an
            inquiry about a dead claimant names none whose death is evidenced.
    """
    _refuse_unsigned(opening)
    _refuse_people(opening)
    ground = await ground_of(desk, opening.accounting_id, opening.request_id)
    recipient = recipient_for(ground, opening.recipient)
    made = new_id()
    row = ReleasePackage(
        id=made,
        nature=opening.nature,
        accounting_id=opening.accounting_id,
        request_id=opening.request_id,
        asked_in=opening.asked_in,
        asked_signed=opening.asked_signed,
        asked_reference=opening.asked_reference,
        recipient=sealing.seal(desk.keys, {"name": recipient.name, "address": recipient.address}, RECIPIENT, made),
        opened_by=desk.actor,
        opened_at=desk.now,
    )
    await desk.step(machines_of_packages()["package"], row, "open", codes={"nature": opening.nature})
    await add_persons(desk, made, opening.persons)
    return row


async def add_item(
    desk: Desk, package_id: UUID, *, form: str, record_id: UUID, reference: str, original_sha256: str
) -> ReleasePackage:
    """List something that is wanted.

    Raises:
        InvalidError: it is not of the records that were decided on.
        NotNowError: the package is approved already.
    """
    package = await held(desk, package_id)
    _refuse_unless_open(package)
    ground = await ground_of(desk, package.accounting_id, package.request_id)
    if record_id not in ground.records:
        told = FieldError("record_id", "is not among the records that were decided on")
        raise InvalidError("that may not go in this package", errors=[told])
    items = await store.items_of(desk.session, package.id)
    row = PackageItem(
        id=new_id(),
        package_id=package.id,
        position=len(items) + 1,
        form=form,
        record_id=record_id,
        reference=reference,
        original_sha256=original_sha256,
        added_by=desk.actor,
        added_at=desk.now,
    )
    await desk.step(machines_of_packages()["item"], row, "list", codes={"form": form})
    return package


async def held_item(desk: Desk, package_id: UUID, item_id: UUID) -> tuple[ReleasePackage, PackageItem]:
    """An item of a package that is still open, held for this act.

    Raises:
        UnknownPackageError, UnknownItemError: there is none.
        NotNowError: the package is approved already.
    """
    package = await held(desk, package_id)
    _refuse_unless_open(package)
    found = [item for item in await store.items_of(desk.session, package.id) if item.id == item_id]
    if not found:
        raise UnknownItemError
    return package, found[0]


def _refuse_unsigned(opening: Opening) -> None:
    wrong = []
    if opening.asked_in != "written":
        wrong.append(FieldError("asked.form", "has to be written: a copy is not made on spoken words (S2 item 8)"))
    if not opening.asked_signed:
        wrong.append(FieldError("asked.signed", "has to be signed (S2 item 8)"))
    if wrong:
        raise InvalidError("a copy is made on a written and signed request", errors=wrong)


def _refuse_people(opening: Opening) -> None:
    if [p.role for p in opening.persons].count("requester") != 1:
        wrong = FieldError("people", "holds one requester: that is whose own data stay")
        raise InvalidError("it is not said who asks", errors=[wrong], missing=["people.requester"])
    dead = [p for p in opening.persons if p.role == "claimant" and p.evidence_of_death.strip()]
    if opening.nature == "deceased-inquiry" and not dead:
        raise InvalidError(
            "a death counts with its evidence only (S2 item 7)", missing=["people.claimant.evidence_of_death"]
        )


def _refuse_unless_open(package: ReleasePackage) -> None:
    leads_to(machines_of_packages()["package"], package, "approve")
