"""The gate on what is said: classified text is set apart, an employee's words keep the rules, and exceptions are recorded."""

from dataclasses import dataclass

import orjson
from prometheus_client import Counter

from chat_gateway.drafts import SessionState
from chat_gateway.errors import ClassifiedMarkingError, DraftBlockedError, DraftNeedsReasonError
from chat_gateway.model import Participant
from chat_gateway.saying.check import Broken, Checked, Listener, check
from chat_gateway.saying.markings import marking_in
from common import audit
from common.audit import AuditEvent
from common.auth import Principal
from common.clock import Clock
from common.database import Database, fetch_all
from common.errors import MunimentError
from common.ids import new_id
from common.pii.outbound import Agency
from common.telemetry import get_logger

PROVEN = 2
"""Identity assurance level (NIST SP 800-63A) from which on somebody is proven to be who they say."""

PURPOSE = "program-administration"
SET_APART = Counter("muniment_chat_set_apart_total", "Texts with a marking of classified content", ["marking"])
log = get_logger("speaking")

_SET_APART = """
INSERT INTO quarantined_text (id, at, session_id, participant_id, entry_id, marking, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


@dataclass(frozen=True, slots=True)
class Manner:
    """How something is said.

    Attributes:
        seen: number of the last entry that the sender has seen; None where they do not say.
        reason: coded reason for which what the check warns of may be said.
        third_party: the words are somebody else's.
        terminal: network terminal, as the server saw it.
    """

    seen: int | None = None
    reason: str | None = None
    terminal: str = ""
    third_party: bool = False


PLAIN = Manner()


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something that is about to be said."""

    state: SessionState
    who: Participant
    entry_id: str
    text: str
    manner: Manner


class Speech:
    """Args:
    agency: what is the agency's own: its telephones and addresses are no person's.
    """

    def __init__(self, database: Database, agency: Agency, clock: Clock) -> None:
        self._database = database
        self.agency = agency
        self._clock = clock

    def check(self, state: SessionState, text: str) -> Checked:
        """What the rules say of an employee's words to the person of this session."""
        return check(text, listener_of(state), self.agency)

    async def let_pass(self, said: Utterance) -> None:
        """Return if it may become an entry. It waits only where something is recorded first.

        Raises:
            ClassifiedMarkingError: it was set apart instead (S1-010).
            DraftBlockedError, DraftNeedsReasonError: an employee's words break a rule; nothing of them is kept.
        """
        if (marking := marking_in(said.text)) is not None:
            await self._set_apart(said, marking)
            raise ClassifiedMarkingError
        if said.who.public:
            return
        checked = self.check(said.state, said.text)
        if checked.verdict == "allow":
            return
        if (refusal := refusal_of(checked, said.manner.reason)) is not None:
            raise refusal
        rules = [f"rule.{broken.rule.id}" for broken in checked.broken]
        await self._record(said, "draft.override", [*rules, f"reason.{said.manner.reason}"])

    async def _set_apart(self, said: Utterance, marking: str) -> None:
        """Keep it where no conversation, transcript or event has it, and say so to those who watch."""
        key, own_id = said.state.data_key, new_id()
        sealed = key.seal(orjson.dumps({"text": said.text}), f"quarantined_text|{own_id}".encode())
        who, now = said.who, self._clock.now()
        async with self._database.unit_of_work() as session:
            await fetch_all(
                session, _SET_APART, own_id, now, said.state.id, who.id, said.entry_id, marking, sealed
            )  # fmt: skip
            await audit.record(session, self._event(said, "content.set-apart", [f"marking.{marking}"]), now=now)
        SET_APART.labels(marking).inc()
        log.error("content.set_apart", session_id=said.state.key, quarantined_id=str(own_id), marking=marking)

    async def _record(self, said: Utterance, action: str, fields: list[str]) -> None:
        async with self._database.unit_of_work() as session:
            await audit.record(session, self._event(said, action, fields), now=self._clock.now())

    @staticmethod
    def _event(said: Utterance, action: str, fields: list[str]) -> AuditEvent:
        who = Principal(said.who.principal_id, frozenset({said.who.role}), {}, 0)
        touched = [said.state.key, said.entry_id]
        return AuditEvent(who, said.manner.terminal, action, "done", record_ids=touched, fields=fields, purpose=PURPOSE)


def listener_of(state: SessionState) -> Listener:
    """The person of this session, as far as it matters for what may be said to them."""
    person = next((p for p in state.participants.values() if p.role == "customer"), None)
    name = person.display_name if person else ""
    if state.situation.stranger:
        return Listener("stranger", name)
    return Listener("proven" if is_proven(state) else "unproven", name, state.situation.accompanied)


def is_proven(state: SessionState) -> bool:
    """Whether the person is proven to be who they say, as well as a party to a case has to be."""
    return state.opening is not None and state.opening.identity_assurance >= PROVEN


def refusal_of(checked: Checked, reason: str | None) -> MunimentError | None:
    """What a sender is answered; None where everything that is broken may be said for this reason."""
    if checked.excused_by(reason):
        return None
    told = [told_of(broken) for broken in checked.broken]
    return DraftBlockedError(told) if checked.verdict == "block" else DraftNeedsReasonError(told)


def told_of(broken: Broken) -> dict[str, object]:
    """One broken rule as a sender is told of it."""
    rule = broken.rule
    return {
        "rule": rule.id,
        "verdict": rule.verdict,
        "cites": rule.cites,
        "says": rule.says,
        "change": rule.change,
        "reasons": list(rule.reasons),
        "places": [list(place) for place in broken.places],
        "suggests": rule.suggests,
    }
