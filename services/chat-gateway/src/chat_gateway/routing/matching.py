"""Which agent gets which waiting conversation, with the reason for everybody who did not: evidence in a grievance.

What is known of a waiting person here is the topic, the language, since when, and a coded reason for priority that an
employee recorded. Nothing else of a person can enter a decision, since there is no place for it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

DEFAULT_LANGUAGE = "en"


class Rule(StrEnum):
    """How one is chosen among those who could take it."""

    ROUND_ROBIN = "round-robin"
    LEAST_BUSY = "least-busy"


class Why(StrEnum):
    """Why an agent did not get a conversation. The last two could have taken it; by the rule somebody else came first."""

    AWAY = "away"
    NOT_DESIGNATED = "not-designated"
    LANGUAGE_NOT_CERTIFIED = "language-not-certified"
    OFFICE_DOES_NOT_SERVE = "office-does-not-serve"
    AT_CAPACITY = "at-capacity"
    DECLINED = "declined-lately"
    DID_NOT_ANSWER = "did-not-answer-lately"
    ASSIGNED_LATER = "assigned-more-recently"
    BUSIER = "busier"


@dataclass(frozen=True, slots=True)
class Agent:
    """An employee at the desk.

    Attributes:
        load: conversations in hand, and those offered and not yet answered.
        last_assigned: when a conversation was offered last; None when none was.
    """

    id: str
    designations: frozenset[str]
    languages: frozenset[str]
    office: str
    capacity: int
    load: int
    available: bool
    last_assigned: datetime | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What a topic asks of an agent.

    Attributes:
        offices: None when every office serves it (S1-017).
        instead: needs that will do as well, since somebody has waited too long.
    """

    designations: frozenset[str]
    offices: frozenset[str] | None = None
    instead: tuple["Need", ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A conversation in the queue.

    Attributes:
        since: the place in the queue; kept through drops, transfers and a place that was kept.
        priority: a coded reason of the register, or None.
        refusals: agents who lately declined it or let its offer pass, with which of the two.
    """

    session_id: UUID
    topic: str
    language: str
    since: datetime
    priority: str | None = None
    refusals: tuple[tuple[str, Why], ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """Attributes:
    reasons: every one that held.
    lacking: the designations or languages that were missing.
    """

    agent: str
    reasons: tuple[Why, ...]
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets it, by which rule, and why each of the others does not.

    Attributes:
        chosen: None when nobody can take it.
    """

    rule: Rule
    chosen: str | None
    skipped: tuple[Skip, ...]


def queue_order(waiting: Iterable[Waiting], head_start: Callable[[str | None], timedelta]) -> list[Waiting]:
    """The order in which they are served: by place, where a recorded reason counts as having come earlier.

    A head start is bounded, so nobody is overtaken by somebody who comes later than that: no one waits for ever.
    """
    return sorted(waiting, key=lambda w: (w.since - head_start(w.priority), w.since, w.session_id))


def choose(waiting: Waiting, need: Need, agents: Sequence[Agent], rule: Rule) -> Choice:
    """Pick an agent for this conversation (S1-016).

    Round robin takes the one who was served with a conversation longest ago; least busy the one with the smallest part of
    the capacity in use. Equals are told apart by the other measure, then by id, so that the same facts give the same answer.
    """
    able: list[Agent] = []
    skipped: list[Skip] = []
    for agent in agents:
        skip = why_not(agent, waiting, need)
        if skip is None:
            able.append(agent)
        else:
            skipped.append(skip)
    if not able:
        return Choice(rule, None, tuple(skipped))
    able.sort(key=_turn if rule is Rule.ROUND_ROBIN else _business)
    reason = Why.ASSIGNED_LATER if rule is Rule.ROUND_ROBIN else Why.BUSIER
    skipped += [Skip(agent.id, (reason,)) for agent in able[1:]]
    return Choice(rule, able[0].id, tuple(skipped))


def why_not(agent: Agent, waiting: Waiting, need: Need) -> Skip | None:
    """Everything that keeps this agent from this conversation; None when nothing does, by the first need or another."""
    skip = _why_not(agent, waiting, need)
    if skip is not None and any(_why_not(agent, waiting, other) is None for other in need.instead):
        return None
    return skip


def _why_not(agent: Agent, waiting: Waiting, need: Need) -> Skip | None:
    reasons: list[Why] = []
    lacking = sorted(need.designations - agent.designations)
    if not agent.available:
        reasons.append(Why.AWAY)
    if lacking:
        reasons.append(Why.NOT_DESIGNATED)
    if waiting.language not in agent.languages:
        reasons.append(Why.LANGUAGE_NOT_CERTIFIED)
        lacking.append(waiting.language)
    if need.offices is not None and agent.office not in need.offices:
        reasons.append(Why.OFFICE_DOES_NOT_SERVE)
    if agent.load >= agent.capacity:
        reasons.append(Why.AT_CAPACITY)
    reasons += [why for who, why in waiting.refusals if who == agent.id]
    return Skip(agent.id, tuple(reasons), tuple(lacking)) if reasons else None


def _turn(agent: Agent) -> tuple[bool, float, float, str]:
    last = agent.last_assigned
    return last is not None, last.timestamp() if last else 0.0, agent.load / agent.capacity, agent.id


def _business(agent: Agent) -> tuple[float, bool, float, str]:
    never, last, share, name = _turn(agent)
    return share, never, last, name
