"""May this message go? Allow, or block with the rule, where it is broken, what to change and which other channel to use
(DEEOIC bulletin on PII, items 3 to 6 and 10; S2-029 to S2-056).

The rules stand in `outbound.yaml`. An answer holds kinds and places, never what was found. What comes encoded (HTML, an
archive, a scan) has to be given here as the text that a reader sees.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from common.pii.detection import UNREADABLE, Finding, by_person, find
from common.pii.outbound_message import Channel, OutboundMessage, attachments_of, pieces
from common.pii.outbound_rules import Audience, OutboundRule, OutboundRules, place_of, rules
from common.pii.taxonomy import Death, Found, Standing, Taxonomy, load
from common.pii.tokens import Words

Judgement = Literal["allow", "block"]
_ENCRYPTED_ATTACHMENT = "encrypted-attachment"


@dataclass(frozen=True, slots=True)
class Agency:
    """What is the agency's own.

    Attributes:
        domains: of its mail, in full (`esa.agency.example`); a domain is not covered by the one above it.
        portals: names of the secured sites that it approved.
        contacts: its own telephone numbers and addresses; they identify an office and nobody.
    """

    domains: frozenset[str] = frozenset()
    portals: frozenset[str] = frozenset()
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that the message breaks.

    Attributes:
        findings: what breaks it: kind and place of each.
        change: what would make it pass.
        instead: channels on which it may go as it is.
    """

    rule: str
    cites: str
    says: str
    change: str
    findings: tuple[Finding, ...]
    instead: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Warned:
    rule: str
    cites: str
    says: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`block` if a rule is broken. `audience` says whether the message counts as staying inside."""

    judgement: Judgement
    audience: Audience
    rules_version: str
    violations: tuple[Violation, ...] = ()
    warnings: tuple[Warned, ...] = field(default=())

    @property
    def offending(self) -> tuple[Finding, ...]:
        return tuple(dict.fromkeys(f for violation in self.violations for f in violation.findings))


def judge(
    message: OutboundMessage, agency: Agency, *, taxonomy: Taxonomy | None = None, table: OutboundRules | None = None
) -> Answer:
    """Whether the message may go as it is.

    Raises:
        ValueError: a person's particulars, or what an attachment is said to hold, are of a kind that the taxonomy lacks.
    """
    kinds, table = taxonomy or load(), table or rules()
    audience = audience_of(message, agency)
    judged = table.channels[message.channel].judged
    if judged == "passes" or (judged == "portal" and message.portal in agency.portals):
        return Answer("allow", audience, table.version)
    if judged == "media":
        return _judge_media(message, audience, table)
    if judged == "portal":  # a site that nobody approved is the open network
        audience = "outside"
    standings = findings_of(message, agency, kinds)
    warnings = tuple(_warnings(message, standings, table))
    violations = tuple(_violations(message, audience, standings, table))
    return Answer("block" if violations else "allow", audience, table.version, violations, warnings)


def audience_of(message: OutboundMessage, agency: Agency) -> Audience:
    """Inside only if every recipient's domain is on the agency's list, and the device is the agency's (S2-030, S2-031).

    An address that is not plainly `local@domain` is outside: a display name could show another domain than the real one.
    """
    addresses = [recipient.address for recipient in message.recipients]
    known = bool(addresses) and all(_domain(address) in agency.domains for address in addresses)
    return "inside" if known and message.managed_device else "outside"


def findings_of(message: OutboundMessage, agency: Agency, taxonomy: Taxonomy) -> list[tuple[Finding, Standing]]:
    """Everything in the clear that identifies a living person, and how it stands in this message."""
    for person in message.persons:
        person.check(taxonomy)
    found = [f for piece in pieces(message) for f in find(piece.text, piece.place, message.persons, taxonomy)
             if not _is_own(piece.text, f, message, agency)]  # fmt: skip
    for place, attachment, hidden in attachments_of(message.attachments):
        if hidden:
            continue
        if not attachment.is_readable:
            found.append(Finding(UNREADABLE, "", place))
        for kind in attachment.holds:
            taxonomy.kind(kind)
            found.append(Finding(kind, "", place))
    listed = [f for f in found if f.kind in taxonomy.types]
    deaths: dict[str, Death] = {key: p.death for key, p in by_person(message.persons).items() if p.death}
    classified = taxonomy.classify([Found(f.kind, f.person) for f in listed], deceased=deaths)
    standings = {id(f): c.standing for f, c in zip(listed, classified, strict=True)}
    known = [(f, standings.get(id(f), "indirect")) for f in found]
    return [(f, standing) for f, standing in known if standing != "not_pii"]


def channels_for(message: OutboundMessage, table: OutboundRules) -> tuple[str, ...]:
    """Where the message may go as it is, by whom it goes to."""
    groups = {recipient.group for recipient in message.recipients}
    row = next(row for row in table.instead if not row.groups or groups.intersection(row.groups))
    return row.channels


def _violations(
    message: OutboundMessage, audience: Audience, found: Sequence[tuple[Finding, Standing]], table: OutboundRules
) -> Iterator[Violation]:
    allowed = _last_four_is_allowed(found, table)
    for rule in table.rules:
        if not _applies(rule, message, audience, found):
            continue
        broken = [
            finding for finding, standing in found
            if any(pattern.fits(finding, standing) for pattern in rule.finds)
            and not (rule.spares and allowed and _in_allowed_form(finding, standing, table))
        ]  # fmt: skip
        if broken:
            instead = _instead(message, broken, table)
            yield Violation(rule.id, rule.cites, rule.says, rule.change, tuple(broken), instead)


def _applies(
    rule: OutboundRule, message: OutboundMessage, audience: Audience, found: Sequence[tuple[Finding, Standing]]
) -> bool:
    groups = {recipient.group for recipient in message.recipients}
    traits = {"forward": message.is_forward, "reply": message.is_reply}
    return (
        rule.audience in {None, audience}
        and all(traits[trait] for trait in rule.traits)
        and (not rule.groups or not groups.isdisjoint(rule.groups))
        and (not rule.beside or any(finding.kind in rule.beside for finding, _ in found))
    )


def _last_four_is_allowed(found: Sequence[tuple[Finding, Standing]], table: OutboundRules) -> bool:
    """Whether nothing stands in the clear beside last names and last four digits (S2-038)."""
    return all(_in_allowed_form(finding, standing, table) for finding, standing in found)


def _in_allowed_form(finding: Finding, standing: Standing, table: OutboundRules) -> bool:
    return any(pattern.fits(finding, standing) for pattern in table.last_four_form.allows)


def _instead(message: OutboundMessage, broken: Sequence[Finding], table: OutboundRules) -> tuple[str, ...]:
    """A subject line is rewritten on any channel; what stands elsewhere may go as it is on another one, or encrypted."""
    if all(place_of(finding) == "subject" for finding in broken):
        return ()
    return (_ENCRYPTED_ATTACHMENT, *channels_for(message, table))


def _judge_media(message: OutboundMessage, audience: Audience, table: OutboundRules) -> Answer:
    media, rule = message.media, table.media
    if media and media.encrypted and media.necessity.strip():
        return Answer("allow", audience, table.version)
    violation = Violation(rule.id, rule.cites, rule.says, rule.change, (), channels_for(message, table))
    return Answer("block", audience, table.version, (violation,))


def _warnings(
    message: OutboundMessage, found: Sequence[tuple[Finding, Standing]], table: OutboundRules
) -> Iterator[Warned]:
    groups = {recipient.group for recipient in message.recipients}
    present = {finding.kind for finding, _ in found}
    for warning in table.warnings:
        if message.persons and groups.intersection(warning.groups) and present.isdisjoint(warning.absent):
            yield Warned(warning.id, warning.cites, warning.says)


def _is_own(text: str, finding: Finding, message: OutboundMessage, agency: Agency) -> bool:
    """Whether it is the office's own, or the address of somebody who gets the message anyhow."""
    if finding.person or finding.kind not in {
        "email-address",
        "personal-telephone",
        "business-telephone",
        "home-address",
    }:
        return False
    value = text[finding.start : finding.end]
    if finding.kind == "email-address":
        mine = {message.sender.casefold(), *(r.address.casefold() for r in message.recipients)}
        return value.casefold() in mine or _domain(value) in agency.domains
    return any(_holds(contact, value) or _holds(value, contact) for contact in agency.contacts)


def _holds(text: str, value: str) -> bool:
    return bool(Words(text).runs(value))


def _domain(address: str) -> str:
    """The domain of a bare address in small letters, or empty when it is none."""
    local, at, domain = address.strip().casefold().rpartition("@")
    plain = (
        bool(at)
        and bool(local)
        and not set(address.strip()) & set(' <>"(),;:@\\\t\r\n').difference("@")
        and "@" not in local
    )
    return domain.removesuffix(".") if plain else ""


__all__ = ["Agency", "Answer", "Channel", "Violation", "audience_of", "channels_for", "findings_of", "judge"]
