"""May this package go by this way, with this carrier, on this medium? Refusals name what is missing or wrong. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from common.errors import FieldError
from disclosure.packages.law_files import Carrier, marking, sending


@dataclass(frozen=True, slots=True)
class OnMedium:
    """What is known of the medium that a package goes on."""

    encrypted: bool
    certificate: str
    holds_others: bool


@dataclass(frozen=True, slots=True)
class Consignment:
    """How somebody means to send a package.

    Attributes:
        extracts: how many of its items hold protected data of anybody.
        warned: the warning as it stands on what is sent; empty: none does.
        wrapping: the checklist, by its questions.
        holds_others: something in it is about another living person, who consented.
    """

    nature: str
    way: str
    carrier: str = ""
    tracking_number: str = ""
    extracts: int = 0
    wrapping: Mapping[str, bool] = field(default_factory=dict)
    medium: OnMedium | None = None
    holds_others: bool = False
    warned: str = ""


def wrong_with(one: Consignment) -> list[FieldError]:
    """Everything that keeps it from going so; empty: it may."""
    law = sending()
    nature = law.natures[one.nature]
    if one.way not in nature.ways:
        told = f"{nature.title} goes by {', '.join(nature.ways)} and by no other way ({nature.citation})"
        return [FieldError("way", told)]
    wrong = [*_carrier(one), *_warning(one)]
    if one.medium is not None:
        wrong += _medium(one, one.medium)
    return wrong


def events_due(way: str, carrier: str, *, tracked: bool) -> tuple[str, ...]:
    """The events that have to be reported before such a shipment is finished."""
    law = sending()
    if not law.ways[way].physical or not tracked or not law.carriers[carrier].tracks:
        return ()
    return law.events


def wrong_key(package_way: str, key_way: str, *, same_shipment: bool) -> list[FieldError]:
    """What keeps a decryption key from going so: it never goes in the package, nor the way that the package goes (S2-072)."""
    law = sending()
    wrong = []
    if key_way not in law.ways or not law.ways[key_way].key:
        ways = ", ".join(name for name, way in law.ways.items() if way.key)
        wrong.append(FieldError("way", f"a key goes by {ways}"))
    if key_way == package_way:
        wrong.append(FieldError("way", "the package goes this way: the key takes another one (S2 item 11)"))
    if same_shipment:
        wrong.append(FieldError("in_shipment", "the key is not in the package that it opens (S2 item 11)"))
    return wrong


def wrong_warning(text: str) -> list[FieldError]:
    """The warning is on it, and word for word as it is in force (S2-025 to S2-027)."""
    if not text.strip():
        return [FieldError("warning", "is needed: it holds information about other people (S2 item 2)")]
    if " ".join(text.split()) != marking().text:
        return [FieldError("warning", f"is not word for word the warning in force (version {marking().version})")]
    return []


def _carrier(one: Consignment) -> Iterator[FieldError]:
    law = sending()
    if not law.ways[one.way].physical:
        if one.carrier:
            yield FieldError("carrier", "carries nothing on this way")
        return
    if not one.carrier:
        yield FieldError("carrier", "is needed: who carries it")
        return
    carrier = law.carriers.get(one.carrier)
    if carrier is None or one.way not in carrier.ways:
        listed = ", ".join(name for name, c in law.carriers.items() if one.way in c.ways)
        yield FieldError("carrier", f"is not approved for this way; these are: {listed} (S2 item 11)")
        return
    yield from _tracking(one, carrier)


def _tracking(one: Consignment, carrier: Carrier) -> Iterator[FieldError]:
    law = sending()
    if one.extracts <= 1 and one.medium is None:
        return
    if not carrier.tracks:
        yield FieldError("carrier", f"does not report {', '.join(law.events)} (S2 items 6 and 11)")
    if not one.tracking_number:
        yield FieldError("tracking_number", "is needed: several extracts of protected data are tracked (S2 item 6)")


def _warning(one: Consignment) -> list[FieldError]:
    others = one.holds_others or (one.medium is not None and one.medium.holds_others)
    return wrong_warning(one.warned) if others else []


def _medium(one: Consignment, medium: OnMedium) -> Iterator[FieldError]:
    law = sending()
    if not law.ways[one.way].physical and one.way != "in-person":
        yield FieldError("way", "a medium is a thing: it goes by mail or courier, or is handed over")
    if not medium.encrypted:
        yield FieldError("medium.encrypted", "has to be so: no medium leaves unencrypted (S2 items 10 and 11)")
    if not medium.certificate:
        yield FieldError("medium.certificate", "is needed: of encryption to the department's standard (S2 item 11)")
    if law.ways[one.way].physical:
        yield from _wrapping(one.wrapping, law.wrapping)


def _wrapping(given: Mapping[str, bool], asked: Mapping[str, str]) -> Iterator[FieldError]:
    for name, question in asked.items():
        if name not in given:
            yield FieldError(f"wrapping.{name}", f"is needed: {question}")
        elif not given[name]:
            yield FieldError(f"wrapping.{name}", f"has to be so: {question} (S2 item 11)")


def missing_in(wrong: Sequence[FieldError]) -> list[str]:
    """Names of the facts that are not there at all."""
    return [one.field for one in wrong if one.message.startswith("is needed")]
