"""Portable media: made only where that was found unavoidable, always encrypted, always of one file, locked away at rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from common.errors import FieldError, InvalidError
from common.ids import new_id
from disclosure.matters import Desk
from disclosure.packages import sending, store
from disclosure.packages.errors import OwnPreparationError, UnknownMediumError
from disclosure.packages.law_files import machines_of_packages, marking
from disclosure.packages.law_files import sending as sending_law
from disclosure.packages.tables import MediaNecessity, Medium


@dataclass(frozen=True, slots=True)
class Registration:
    """A medium as it is registered.

    Attributes:
        record_id: the file that it belongs to, for good.
        mark: what is written on it to tell it from others; no number of a person.
        necessity_id: the approval that found it unavoidable, where it is made here.
        supplier, assurance: who sent it, and where that agency's assurance is filed, where it was received.
        warning: the warning that it bears; empty: none.
    """

    origin: str
    kind: str
    record_id: UUID
    mark: str
    place_kind: str
    place_mark: str
    encrypted: bool = False
    certificate: str = ""
    necessity_id: UUID | None = None
    supplier: str = ""
    assurance: str = ""
    holds_others: bool = False
    warning: str = ""


async def find_necessary(desk: Desk, *, record_id: UUID, reason: str, reference: str) -> MediaNecessity:
    """Find that protected data of one file have to be on a portable medium (S2-064). One approval is for one medium."""
    row = MediaNecessity(
        id=new_id(),
        record_id=record_id,
        reason=reason,
        reference=reference,
        approved_by=desk.actor,
        approved_at=desk.now,
    )
    desk.session.add(row)
    await desk.session.flush()
    return row


async def register(desk: Desk, given: Registration) -> Medium:
    """Register a medium that is made here or was received.

    Raises:
        InvalidError: by field: it is not approved, not encrypted, not assured, not marked, or not locked away.
        OwnPreparationError: who found it necessary makes it.
    """
    necessity = await _necessity(desk, given)
    wrong = [*_wrong_origin(given), *wrong_place(given.place_kind, given.place_mark)]
    if given.holds_others:
        wrong += sending.wrong_warning(given.warning)
    if wrong:
        raise InvalidError("it cannot be registered so", errors=wrong, missing=sending.missing_in(wrong))
    row = Medium(
        id=new_id(),
        origin=given.origin,
        kind=given.kind,
        record_id=given.record_id,
        mark=given.mark,
        encrypted=given.encrypted,
        certificate=given.certificate,
        necessity_id=necessity.id if necessity else None,
        necessity_by=necessity.approved_by if necessity else None,
        supplier=given.supplier,
        assurance=given.assurance,
        holds_others=given.holds_others,
        marking=marking().version if given.holds_others else "",
        place_kind=given.place_kind,
        place_mark=given.place_mark,
        registered_by=desk.actor,
        registered_at=desk.now,
    )
    await desk.step(machines_of_packages()["medium"], row, "register", codes={"origin": given.origin})
    return row


async def move(desk: Desk, medium_id: UUID, act: str, *, place_kind: str, place_mark: str, how: str) -> Medium:
    """Take it out, lock it away again, enter that it is lost, or that it was destroyed and how (S2-068).

    Raises:
        UnknownMediumError: there is none.
        InvalidError: it would rest in a place that is not locked, or was not destroyed so that nothing is left.
        NotNowError: not from where it is.
    """
    row = await store.medium_for_update(desk.session, medium_id)
    if row is None:
        raise UnknownMediumError
    wrong = wrong_place(place_kind, place_mark) if act == "store" else []
    if act == "destroy" and how not in DESTROYED:
        wrong.append(FieldError("how", f"is needed: {' or '.join(DESTROYED)}; never a wastebasket (S2 item 12)"))
    if wrong:
        raise InvalidError("that cannot be done so", errors=wrong, missing=sending.missing_in(wrong))
    if act == "store":
        row.place_kind, row.place_mark = place_kind, place_mark
    codes = {"place": place_kind, "mark": place_mark} if act == "store" else {"how": how} if how else {}
    await desk.step(machines_of_packages()["medium"], row, act, codes=codes)
    return row


DESTROYED = ("shredded", "burned")


def wrong_place(kind: str, mark: str) -> list[FieldError]:
    """At rest it is in a safe, or in a locked cabinet, room or area, and it is on record in which one (S2-068)."""
    wrong = []
    if kind not in sending_law().locked_places:
        wrong.append(FieldError("place.kind", f"is one of {', '.join(sending_law().locked_places)} (S2 item 10)"))
    if not mark.strip():
        wrong.append(FieldError("place.mark", "is needed: which one (S2 item 10)"))
    return wrong


async def _necessity(desk: Desk, given: Registration) -> MediaNecessity | None:
    if given.origin != "made":
        if given.necessity_id is not None:
            raise InvalidError("it was received", errors=[FieldError("necessity_id", "is for what is made here")])
        return None
    if given.necessity_id is None:
        raise InvalidError(
            "protected data go onto a portable medium where that was found unavoidable (S2 item 10)",
            missing=["necessity_id"],
        )
    found = await store.necessity_of(desk.session, given.necessity_id)
    if found is None or found.record_id != given.record_id or await store.is_used(desk.session, found.id):
        told = FieldError("necessity_id", "is no unused approval for a medium of this file")
        raise InvalidError("it was not found necessary", errors=[told])
    if found.approved_by == desk.actor:
        raise OwnPreparationError("you found it necessary, so somebody else makes it")
    return found


def _wrong_origin(given: Registration) -> Sequence[FieldError]:
    if given.origin == "received":
        parts = (("supplier", given.supplier), ("assurance", given.assurance))
        return [FieldError(n, "is needed: who sent it, under which assurance (S2 item 10)") for n, v in parts if not v]
    wrong = []
    if not given.encrypted:
        wrong.append(
            FieldError("encrypted", "has to be so: nothing is written onto an unencrypted medium (S2 item 10)")
        )
    if not given.certificate:
        wrong.append(FieldError("certificate", "is needed: of encryption to the department's standard (S2 item 11)"))
    return wrong
