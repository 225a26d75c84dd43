"""What the acts on packages share: the package held, its people, and who may not do this because they did that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from common.ids import new_id
from common.pii.particulars import Person
from disclosure.individuals import store as sealing
from disclosure.matters import Desk
from disclosure.packages import store
from disclosure.packages.concealing import Somebody
from disclosure.packages.errors import OwnPreparationError, UnknownPackageError
from disclosure.packages.tables import PackageItem, PackagePerson, ReleasePackage

RECIPIENT, PARTICULARS = "release_package.recipient", "package_person.particulars"


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom it goes."""

    name: str = field(repr=False)
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody whom the items speak of. `label` tells them apart in what is sent with it."""

    label: str
    role: str
    known: Person = field(repr=False)
    evidence_of_death: str = ""
    consent: str = ""
    address: str = field(default="", repr=False)


async def held(desk: Desk, package_id: UUID) -> ReleasePackage:
    """The package, held for this act.

    Raises:
        UnknownPackageError: there is none.
    """
    row = await store.package_for_update(desk.session, package_id)
    if row is None:
        raise UnknownPackageError
    return row


def refuse_preparer(desk: Desk, package: ReleasePackage, items: Sequence[PackageItem]) -> None:
    """Who reviews or approves is somebody else than who prepared.

    Raises:
        OwnPreparationError: they prepared it.
    """
    if desk.actor in {package.opened_by, *(i.added_by for i in items), *(i.copied_by for i in items)}:
        raise OwnPreparationError("you prepared this, so somebody else has to look at it")


async def add_persons(desk: Desk, package_id: UUID, persons: Sequence[NewPerson]) -> dict[str, UUID]:
    """Enter people, sealed; the answer holds their ids by label."""
    ids: dict[str, UUID] = {}
    for person in persons:
        ids[person.label] = made = new_id()
        particulars: Mapping[str, Any] = {"known": person.known.model_dump(mode="json"), "address": person.address}
        desk.session.add(
            PackagePerson(
                id=made,
                package_id=package_id,
                role=person.role,
                death_evidence=person.evidence_of_death,
                consent=person.consent,
                particulars=sealing.seal(desk.keys, particulars, PARTICULARS, made),
            )
        )
    await desk.session.flush()
    return ids


async def people(desk: Desk, package_id: UUID) -> list[Somebody]:
    """The people of a package, with how they are recognised."""
    return [
        Somebody(
            id=row.id,
            role=row.role,
            evidence_of_death=row.death_evidence,
            consent=row.consent,
            known=Person.model_validate(opened_particulars(desk, row)["known"]),
        )
        for row in await store.persons_of(desk.session, package_id)
    ]


def opened_particulars(desk: Desk, row: PackagePerson) -> dict[str, Any]:
    found: dict[str, Any] = sealing.opened(desk.keys, row.particulars, PARTICULARS, row.id)
    return found


def recipient_of(desk: Desk, row: ReleasePackage) -> Recipient:
    return Recipient(**sealing.opened(desk.keys, row.recipient, RECIPIENT, row.id))
