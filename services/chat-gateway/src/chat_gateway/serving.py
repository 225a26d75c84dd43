"""The registers of routing, asked about now: what a topic needs, whether somebody serves it, who may take it."""

from dataclasses import replace

from chat_gateway.errors import NotDesignatedError, OutsideHoursError, UnknownTopicError
from chat_gateway.routing.hours import Hours, Opening
from chat_gateway.routing.matching import DEFAULT_LANGUAGE, Agent, Need, Waiting, why_not
from chat_gateway.routing.registers import Instead, Registers, TopicVersion
from common.access import Assurance
from common.auth import Principal
from common.clock import Clock
from common.ids import new_id


class Topics:
    """The registers, asked about now."""

    def __init__(self, registers: Registers, hours: Hours, clock: Clock) -> None:
        self.registers = registers
        self._hours = hours
        self._clock = clock

    def version(self, code: str) -> TopicVersion:
        """What holds for a topic today.

        Raises:
            UnknownTopicError: it is not offered; the text says which are.
        """
        today = self._clock.now().date()
        found = self.registers.topic(code, today)
        if found is None:
            raise UnknownTopicError([name for name, _ in self.registers.offered(today)])
        return found

    def assurance(self, code: str) -> Assurance:
        """What a topic asks of the customer's own authentication."""
        return Assurance(**self.registers.asked(code).model_dump())

    def require_open(self, code: str, *, leaving_message: bool) -> None:
        """Refuse a session while nobody serves its topic, unless a message is left for later.

        Raises:
            UnknownTopicError, OutsideHoursError: with when it opens, and the other ways to reach the agency (S1-002).
        """
        version = self.version(code)
        opening = self.opening(version)
        if not opening.open and not leaving_message:
            raise OutsideHoursError(opening.opens_at, opening.why, version.other_channels)

    def opening(self, version: TopicVersion) -> Opening:
        """Whether somebody serves this topic now."""
        return self._hours.of_topic(version, self._clock.now())

    def offered(self) -> list[tuple[str, TopicVersion]]:
        """The topics of today."""
        return self.registers.offered(self._clock.now().date())

    def may_take(self, principal: Principal, *, topic: str, language: str, step: int = 0) -> bool:
        """Whether this employee is designated for the topic and certified for the language."""
        try:
            self.require_fit(principal, topic=topic, language=language, step=step)
        except (NotDesignatedError, UnknownTopicError):
            return False
        return True

    def need(self, code: str, step: int = 0) -> Need:
        """What a topic asks of an employee, when so many steps for too long a wait were made."""
        version = self.version(code)
        steps = [one for one in self.registers.too_long(code)[:step] if one.reroutes]
        others = [
            Need(one.designations or version.designations, None if one.any_office else one.offices or version.offices)
            for one in steps
        ]
        return Need(version.designations, version.offices, tuple(others))

    def offered_instead(self, code: str, step: int) -> list[Instead]:
        """What somebody who has waited too long may do instead of waiting on."""
        made = self.registers.too_long(code)[:step]
        return list(dict.fromkeys(way for one in made for way in one.offer))

    def require_fit(self, principal: Principal, *, topic: str, language: str, step: int = 0) -> None:
        """Refuse an employee who is not designated for a topic, or not certified for its language (S1-016).

        Args:
            step: how many steps for too long a wait were made.

        Raises:
            NotDesignatedError: with what is lacking.
        """
        agent = replace(agent_of(principal, capacity=1), available=True)
        skip = why_not(agent, Waiting(new_id(), topic, language, self._clock.now()), self.need(topic, step))
        if skip is not None:
            raise NotDesignatedError([why.value for why in skip.reasons], skip.lacking)


def agent_of(principal: Principal, *, capacity: int) -> Agent:
    """What an employee's token says of what they may take: designations, and languages they are certified for."""
    return Agent(
        id=principal.id,
        designations=frozenset(_texts(principal, "designations")),
        languages=frozenset(_texts(principal, "languages") or [DEFAULT_LANGUAGE]),
        office=principal.claim("office"),
        capacity=capacity,
        load=0,
        available=True,
    )


def _texts(principal: Principal, name: str) -> list[str]:
    value = principal.claims.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
