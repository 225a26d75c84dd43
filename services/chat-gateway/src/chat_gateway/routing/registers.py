"""Topics, hours and priorities as data: read, held against each other, and asked by code and day."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,19}$")]
Instead = Literal["leave-message", "keep-place"]
DEFAULT_LANGUAGE = "en"
FILES = ("topics.yaml", "hours.yaml", "priorities.yaml")
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_OF_A_DAY = 24 * 60


class Part(BaseModel):
    """Nothing but the named members: a misspelt one must not pass for a missing one."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class TopicVersion(Part):
    """What holds for a topic from one day on."""

    since: date = Field(alias="from")
    names: Mapping[str, str]
    designations: frozenset[Code] = Field(min_length=1)
    offices: frozenset[str] | None = None
    hours: str
    longest_wait_minutes: int = Field(ge=1)
    other_channels: tuple[Code, ...] = Field(min_length=1)

    def name(self, language: str) -> str:
        return self.names.get(language, self.names[DEFAULT_LANGUAGE])

    @property
    def longest_wait(self) -> timedelta:
        return timedelta(minutes=self.longest_wait_minutes)


class Asked(Part):
    """How well a person has to have proved who they are (NIST SP 800-63); `max_age`: seconds since that at most."""

    ial: int = Field(default=1, ge=0, le=3)
    aal: int = Field(default=1, ge=0, le=3)
    max_age: int | None = Field(default=None, gt=0)


class WaitStep(Part):
    """What is done when somebody has waited for so long: others may take it as well, or other ways are offered.

    Attributes:
        designations: an employee with these may take it too, besides those whom the topic names.
        offices: of these offices; `any_office`: of every office.
        offer: what the person may do instead of waiting on.
    """

    after_minutes: int = Field(ge=1)
    designations: frozenset[Code] | None = Field(default=None, min_length=1)
    offices: frozenset[str] | None = Field(default=None, min_length=1)
    any_office: bool = False
    offer: tuple[Instead, ...] = ()

    @property
    def after(self) -> timedelta:
        return timedelta(minutes=self.after_minutes)

    @property
    def reroutes(self) -> bool:
        """Whether others may take it from then on."""
        return self.designations is not None or self.offices is not None or self.any_office

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.reroutes == bool(self.offer) or (self.any_office and self.offices is not None):
            raise ValueError("a step names who else may take it, or what is offered instead")
        return self


class Topic(Part):
    code: Code
    assurance: Asked = Asked()
    too_long: tuple[WaitStep, ...] = ()
    versions: tuple[TopicVersion, ...] = Field(min_length=1)
    retired: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [step.after_minutes for step in self.too_long]
        if times != sorted(set(times)):
            raise ValueError(f"topic {self.code}: steps for too long a wait come one after the other")
        return self

    def on(self, day: date) -> TopicVersion | None:
        """The version in force on this day (UTC), or None before the first and after the last."""
        if self.retired is not None and day >= self.retired:
            return None
        return max((v for v in self.versions if v.since <= day), key=lambda v: v.since, default=None)


class Window(Part):
    """Minutes of the local day: from `begins` on, before `ends`."""

    begins: int
    ends: int


class Schedule(Part):
    zone: str
    federal_days_off: bool
    week: Mapping[str, tuple[Window, ...]]

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("no such time zone") from None
        return value

    @field_validator("week", mode="before")
    @classmethod
    def _windows(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not set(value) <= set(WEEK):
            raise ValueError("the days are mon, tue, wed, thu, fri, sat, sun")
        return {day: tuple(_window(text) for text in texts) for day, texts in value.items()}

    @cached_property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


class Closing(Part):
    """Days, both included, on which these schedules are closed for a reason of the agency's own."""

    first: date
    last: date
    schedules: tuple[str, ...] | None = None
    reason: Code
    authority: str = ""


class Furlough(Part):
    """A time without appropriations; `last` is unknown while it lasts."""

    first: date
    last: date | None = None
    excepted: tuple[str, ...] = ()


class Priority(Part):
    head_start_minutes: int = Field(ge=1, le=120)
    name: str

    @property
    def head_start(self) -> timedelta:
        return timedelta(minutes=self.head_start_minutes)


class Registers(Part):
    """Everything that routing looks up.

    Raises:
        ValueError: the files do not hold together; the text says where.
    """

    topics: tuple[Topic, ...]
    channels: Mapping[str, Mapping[str, str]]
    schedules: Mapping[str, Schedule]
    offices: Mapping[str, str]
    closures: tuple[Closing, ...]
    furloughs: tuple[Furlough, ...]
    priorities: Mapping[str, Priority]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        codes = [topic.code for topic in self.topics]
        if len(set(codes)) != len(codes):
            raise ValueError("a topic's code stands twice")
        for topic in self.topics:
            self._check_topic(topic)
        for office, schedule in self.offices.items():
            if schedule not in self.schedules:
                raise ValueError(f"office {office}: there is no schedule {schedule}")
        named = [n for c in self.closures for n in c.schedules or ()] + [n for f in self.furloughs for n in f.excepted]
        if unknown := set(named) - set(self.schedules):
            raise ValueError(f"there is no schedule {min(unknown)}")
        return self

    def _check_topic(self, topic: Topic) -> None:
        days = [version.since for version in topic.versions]
        if days != sorted(set(days)):
            raise ValueError(f"topic {topic.code}: versions come in order, one a day")
        for version in topic.versions:
            if version.hours not in self.schedules:
                raise ValueError(f"topic {topic.code}: there is no schedule {version.hours}")
            if missing := set(version.other_channels) - set(self.channels):
                raise ValueError(f"topic {topic.code}: there is no channel {min(missing)}")
            if DEFAULT_LANGUAGE not in version.names:
                raise ValueError(f"topic {topic.code}: its name in the language {DEFAULT_LANGUAGE} is missing")

    @cached_property
    def _by_code(self) -> dict[str, Topic]:
        return {topic.code: topic for topic in self.topics}

    def topic(self, code: str, day: date) -> TopicVersion | None:
        """What holds for this topic on this day, or None when it is offered to nobody then."""
        topic = self._by_code.get(code)
        return topic.on(day) if topic else None

    def asked(self, code: str) -> Asked:
        """How well somebody has to have proved who they are; for a topic that is not here what others ask."""
        topic = self._by_code.get(code)
        return topic.assurance if topic else Asked()

    def too_long(self, code: str) -> tuple[WaitStep, ...]:
        """What is done for somebody who waits too long; nothing for a topic that is not here."""
        topic = self._by_code.get(code)
        return topic.too_long if topic else ()

    def offered(self, day: date) -> list[tuple[str, TopicVersion]]:
        """The topics of this day with what holds for them."""
        return [(topic.code, version) for topic in self.topics if (version := topic.on(day)) is not None]

    @cached_property
    def most_steps(self) -> int:
        """So many steps has the topic with the most."""
        return max((len(topic.too_long) for topic in self.topics), default=0)

    @cached_property
    def soonest_step(self) -> timedelta:
        """Before so long a wait nothing is done for anybody."""
        return min((step.after for topic in self.topics for step in topic.too_long), default=timedelta(0))

    @cached_property
    def longest_head_start(self) -> timedelta:
        return max((p.head_start for p in self.priorities.values()), default=timedelta(0))

    def head_start(self, reason: str | None) -> timedelta:
        priority = self.priorities.get(reason) if reason else None
        return priority.head_start if priority else timedelta(0)


def load(folder: Path | None = None) -> Registers:
    """The registers of this package, or an agency's own from a folder that holds some of the files in its place.

    Raises:
        ValueError: they do not hold together.
        OSError: the folder cannot be read.
    """
    own = files("chat_gateway.routing") / "registers"
    if folder is not None and not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder")
    document: dict[str, Any] = {}
    for name in FILES:
        place = folder / name if folder is not None and (folder / name).is_file() else own / name
        try:
            document |= yaml.safe_load(place.read_text("utf-8"))
        except (yaml.YAMLError, TypeError):
            raise ValueError(f"{name} cannot be read as YAML with named lists") from None
    return Registers.model_validate(document)


def _window(text: Any) -> dict[str, int]:
    """`08:00-19:00` as minutes of the day."""
    begins, _, ends = str(text).partition("-")
    window = {"begins": _minute(begins), "ends": _minute(ends)}
    if not window["begins"] < window["ends"] <= MINUTES_OF_A_DAY:
        raise ValueError(f"a window begins before it ends, within a day: {text}")
    return window


def _minute(text: str) -> int:
    hours, colon, minutes = text.strip().partition(":")
    if not colon or not hours.isdigit() or not minutes.isdigit() or int(minutes) >= 60:  # noqa: PLR2004 - of an hour
        raise ValueError(f"a time of day is HH:MM, not {text}")
    return int(hours) * 60 + int(minutes)


def names_of(channels: Sequence[str], registers: Registers, language: str) -> list[str]:
    """What these channels are called."""
    found = [registers.channels[channel] for channel in channels]
    return [names.get(language) or names[DEFAULT_LANGUAGE] for names in found]
