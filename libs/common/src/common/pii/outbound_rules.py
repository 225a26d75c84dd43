"""The rules for messages as they are written in `outbound.yaml`. No rule of the bulletin stands in this module."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, Self, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.pii.detection import IDENTIFIERS, UNREADABLE, Finding, Form
from common.pii.outbound_message import Channel, Group
from common.pii.taxonomy import Standing, Taxonomy, load

Place = Literal["subject", "body", "quoted", "attachments"]
Audience = Literal["inside", "outside"]
Trait = Literal["forward", "reply"]


class Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Pattern(Rule):
    """What a finding has to be like; what is not said fits everything."""

    standing: tuple[Standing, ...] = ()
    kind: tuple[str, ...] = ()
    form: tuple[Form, ...] = ()
    place: tuple[Place, ...] = ()

    def fits(self, finding: Finding, standing: Standing) -> bool:
        return (
            (not self.standing or standing in self.standing)
            and (not self.kind or finding.kind in self.kind)
            and (not self.form or finding.form in self.form)
            and (not self.place or place_of(finding) in self.place)
        )


class OutboundRule(Rule):
    """One rule: what may not stand in a message, where it comes from, and what to do about it."""

    id: str
    cites: str
    says: str
    change: str
    finds: tuple[Pattern, ...] = Field(min_length=1)
    audience: Audience | None = None
    traits: tuple[Trait, ...] = ()
    groups: tuple[Group, ...] = ()
    beside: tuple[str, ...] = ()
    spares: Literal["last-four-form"] | None = None


class AllowedForm(Rule):
    cites: str
    allows: tuple[Pattern, ...]


class HowJudged(Rule):
    judged: Literal["as-email", "portal", "media", "passes"]
    cites: str = ""


class MediaRule(Rule):
    id: str
    cites: str
    says: str
    change: str


class WarningRule(Rule):
    id: str
    cites: str
    says: str
    groups: tuple[Group, ...]
    absent: tuple[str, ...]


class Instead(Rule):
    groups: tuple[Group, ...]
    channels: tuple[Channel, ...] = Field(min_length=1)
    cites: str


class OutboundRules(Rule):
    """All of them, in the order in which they are told."""

    version: str
    source: str
    channels: Mapping[Channel, HowJudged]
    last_four_form: AllowedForm = Field(alias="last-four-form")
    rules: tuple[OutboundRule, ...]
    media: MediaRule
    warnings: tuple[WarningRule, ...]
    instead: tuple[Instead, ...]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        ids = [rule.id for rule in self.rules] + [self.media.id]
        if len(ids) != len(set(ids)):
            raise ValueError("a rule stands twice")
        if not self.instead or self.instead[-1].groups:
            raise ValueError("instead: the last row must be for everybody")
        return self

    def check(self, taxonomy: Taxonomy) -> None:
        """Raises ValueError: a rule speaks of a kind that there is not; it would never break."""
        known = {*taxonomy.types, *IDENTIFIERS, UNREADABLE}
        spoken = {kind for rule in self.rules for kind in rule.beside}
        spoken |= {kind for rule in self.rules for pattern in rule.finds for kind in pattern.kind}
        spoken |= {kind for pattern in self.last_four_form.allows for kind in pattern.kind}
        spoken |= {kind for warning in self.warnings for kind in warning.absent}
        if unknown := spoken - known:
            raise ValueError(f"no kinds of the taxonomy: {', '.join(sorted(unknown))}")


def place_of(finding: Finding) -> Place:
    """The part of the message, without which of several it is."""
    return cast("Place", finding.place.split("[", 1)[0].split(".", 1)[0])


@cache
def rules() -> OutboundRules:
    """The platform's rules.

    Raises:
        ValueError: they do not hold together; the text says where.
    """
    read = OutboundRules.model_validate(yaml.safe_load((files("common.pii") / "outbound.yaml").read_text()))
    read.check(load())
    return read
