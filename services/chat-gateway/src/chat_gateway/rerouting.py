"""Who waits too long is served by others as well, or is offered another way: the steps of the topic's register, each explained.

The person stays where they are in the queue, and those who could take it before still can: a step only adds.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from prometheus_client import Counter

from chat_gateway import assignments, attendance, placements
from chat_gateway.placements import Placement
from chat_gateway.routing.matching import Agent, Skip, Waiting, why_not
from chat_gateway.routing.registers import WaitStep
from chat_gateway.serving import Topics
from common.database import WriteSession

RULE = "waited-too-long"
REROUTED = Counter("muniment_chat_rerouted_total", "Steps made for people who waited too long", ["step"])


class Rerouting:
    """Args:
    desk_seconds: who was not seen for so long is not at a desk.
    """

    def __init__(self, topics: Topics, *, desk_seconds: float) -> None:
        self._topics = topics
        self._away_after = timedelta(seconds=desk_seconds)

    async def look(self, session: WriteSession, now: datetime) -> None:
        """Make the steps that are due."""
        soonest, most = self._topics.registers.soonest_step, self._topics.registers.most_steps
        long = await placements.waiting_long(session, now - soonest, most) if most else []
        due = [p for p in long if self._due(p, now) > p.step]
        if due:
            desks = await attendance.desks(session, now - self._away_after)
            for placement in due:
                await self._step(session, placement, desks, now)

    def _due(self, placement: Placement, now: datetime) -> int:
        waited = now - placement.queued_at
        return sum(step.after <= waited for step in self._topics.registers.too_long(placement.topic))

    async def _step(self, session: WriteSession, placement: Placement, desks: Sequence[Agent], now: datetime) -> None:
        step = self._due(placement, now)
        if not await placements.reroute(session, placement, step, now):
            return
        made = self._topics.registers.too_long(placement.topic)[placement.step : step]
        skipped = self._skipped(placement, desks)
        for number, one in enumerate(made, placement.step + 1):
            facts = _facts(placement, one, number, now)
            await assignments.rerouted(session, placement.session_id, rule=RULE, facts=facts, skipped=skipped, now=now)
            REROUTED.labels("offer" if one.offer else "reroute").inc()

    def _skipped(self, placement: Placement, desks: Sequence[Agent]) -> list[Skip]:
        """Why nobody who is there took it, by what held until now."""
        if self._topics.registers.topic(placement.topic, placement.queued_at.date()) is None:
            return []
        asks = Waiting(placement.session_id, placement.topic, placement.language, placement.ownership.since)
        need = self._topics.need(placement.topic, placement.step)
        return [skip for desk in desks if (skip := why_not(desk, asks, need)) is not None]


def _facts(placement: Placement, step: WaitStep, number: int, now: datetime) -> dict[str, object]:
    return {
        "topic": placement.topic,
        "language": placement.language,
        "since": placement.ownership.since,
        "waited_seconds": int((now - placement.queued_at).total_seconds()),
        "step": number,
        "after_minutes": step.after_minutes,
        "designations": sorted(step.designations or ()),
        "offices": "any" if step.any_office else sorted(step.offices or ()),
        "offer": list(step.offer),
    }
