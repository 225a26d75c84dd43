"""What can be done with a session. The caller is who the token says; every act is decided by `policy` and `model`."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from chat_gateway import policy
from chat_gateway.errors import (
    ClientIdReusedError,
    NotStoredYetError,
    NotYourSessionError,
    TooManySessionsError,
    UnknownSessionError,
)
from chat_gateway.journal import Journal
from chat_gateway.model import (
    Close,
    CloseReason,
    Contribution,
    Join,
    Kind,
    Open,
    Participant,
    Post,
    Receipt,
    Status,
)
from chat_gateway.notice import Statement, Statements
from chat_gateway.opening import opening_of
from chat_gateway.parts import LetIn, Part, Representatives, Supervisors
from chat_gateway.presence import Presence
from chat_gateway.routing.matching import DEFAULT_LANGUAGE
from chat_gateway.serving import Topics
from chat_gateway.sessions import LiveSession, Reply, Sessions, Submission
from chat_gateway.signals.hub import Signals
from chat_gateway.speaking import PLAIN, Manner, Speech, Utterance
from chat_gateway.views import is_entitled
from chat_gateway.writer import Writer
from common.access import Reach, require_assurance
from common.auth import Principal
from common.clock import Clock, rfc3339
from common.errors import MunimentError
from common.ids import new_id
from common.messaging.consumer import is_outage
from common.protection.keyring import Keyring


class _Awaited:
    """A reply that one waits for."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()

    def accepted(self, _submission: Submission, receipt: Receipt) -> None:
        if not self.outcome.done():
            self.outcome.set_result(receipt)

    def refused(self, _submission: Submission, error: MunimentError) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


class Chat:
    """Everything that a connection or a route may ask for."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        writer: Writer,
        journal: Journal,
        statements: Statements,
        presence: Presence,
        keyring: Keyring,
        topics: Topics,
        speech: Speech,
        signals: Signals,
        clock: Clock,
        opens_per_minute: int,
    ) -> None:
        self.sessions = sessions
        self.journal = journal
        self.presence = presence
        self.clock = clock
        self._writer = writer
        self._statements = statements
        self._keyring = keyring
        self.topics = topics
        self.speech = speech
        self.representatives: Representatives | None = None
        self.supervisors: Supervisors | None = None
        self.signals = signals
        self._opens_per_minute = opens_per_minute

    def statement(self, language: str) -> Statement:
        """The Privacy Act statement in force."""
        return self._statements.current(self.clock.now(), language)

    def shown_as(self, digest: str) -> Statement | None:
        """The statement of this digest."""
        return self._statements.shown_as(digest)

    def languages(self, version: str) -> Sequence[str]:
        return self._statements.languages(version)

    async def open_session(
        self,
        caller: LetIn,
        *,
        client_id: str,
        topic: str,
        shown: Statement | None,
        acknowledged: str,
        left_message: bool = False,
        kept: bytes = b"",
    ) -> Part:
        """Open a session for a customer who was shown the statement and acknowledges it by this (S1-001, S1-002, S3-070).

        Sent again with the same client id, it finds the session that is there.

        Args:
            left_message: for whoever serves the topic next; the customer need not stay.
            kept: digest of the token of a place that was kept.

        Raises:
            ForbiddenError: the token lacks a fact that the session must keep.
            StepUpError: the topic asks for a stronger or fresher proof of who the customer is (RFC 9470).
            NoticeNotAcknowledgedError: nothing is stored then.
            ClientIdReusedError: this account opened another session under this client id.
            UnknownTopicError, OutsideHoursError: nobody serves the topic, or not now.
            TooManySessionsError: too many in a minute.
            UnavailableError: no key can be had under which to keep what is said.
        """
        principal = caller.principal
        in_force = self.statement(shown.language if shown else "")
        policy.require_notice(
            shown=shown.version if shown else None, current=in_force.version, acknowledged=acknowledged
        )
        facts = opening_of(principal, topic, in_force, rfc3339(self.clock.now()))
        require_assurance(self.topics.assurance(topic), principal, now=self.clock.now())
        if existing := await self._opened_before(principal, client_id, topic):
            return existing
        self.topics.require_open(topic, leaving_message=left_message)
        if not await self.presence.admit(principal.id, per_minute=self._opens_per_minute):
            raise TooManySessionsError(f"an account may open {self._opens_per_minute} sessions a minute")
        live = self.sessions.begin(new_id(), await self._keyring.take())
        live.state.opening = facts
        who = Participant(
            str(new_id()), principal.id, "customer", principal.claim("display_name"), rfc3339(self.clock.now())
        )
        try:
            await self.store(live, Open(who, client_id, facts, left_message, kept))
        except ClientIdReusedError:
            # It was opened through another process at the same moment.
            if existing := await self._opened_before(principal, client_id, topic):
                return existing
            raise
        return Part(live, who)

    async def _opened_before(self, principal: Principal, client_id: str, topic: str) -> Part | None:
        session_id = await self.journal.opened_as(principal.id, client_id)
        live = await self.sessions.find(session_id) if session_id else None
        if live is None:
            return None
        if live.state.opening is None or live.state.opening.topic != topic:
            raise ClientIdReusedError
        return Part(live, policy.participant_of(live.state.participants, principal.id))

    async def join_session(self, caller: LetIn, *, session_id: UUID) -> Part:
        """Pick a waiting session as an agent; an agent who has it already just goes on.

        Raises:
            NotDesignatedError: the agent is not designated for its topic, or not certified for its language (S1-016).
            ForbiddenError: the token lacks pin, display_name, office or region (S1-035, S1-036, S1-017).
            UnknownSessionError, NotYourSessionError: there is none, or somebody else has it.
        """
        standing = await self.journal.standing(session_id, caller.principal.id)
        if standing is not None and not (standing.waiting or standing.takes_part):
            raise NotYourSessionError
        live = await self.sessions.find(session_id) if standing is not None else None
        if live is None:
            raise UnknownSessionError
        mine = live.state.participants.get(caller.principal.id)
        if mine is not None and live.state.situation.owner == mine.id and live.state.status is not Status.WAITING:
            return Part(live, mine, is_entitled(caller.principal))
        if not policy.may_take(live.state.status):
            raise NotYourSessionError
        opening = live.state.opening
        language = opening.notice_language if opening else DEFAULT_LANGUAGE
        who = mine or self.employee(caller.principal)
        topic, step = live.state.situation.topic, await self.journal.step_of(session_id)
        self.topics.require_fit(caller.principal, topic=topic, language=language, step=step)
        await self.store(live, Join(who, str(new_id()), str(new_id())))
        return Part(live, who, is_entitled(caller.principal))

    def employee(self, principal: Principal) -> Participant:
        """An employee as a participant.

        Raises:
            ForbiddenError: the token lacks pin, display_name, office or region (S1-035, S1-036, S1-017).
        """
        return Participant(
            str(new_id()),
            principal.id,
            "agent",
            principal.claim("display_name"),
            rfc3339(self.clock.now()),
            pin=principal.claim("pin"),
            office=principal.claim("office"),
            region=principal.claim("region"),
        )

    async def take_part(self, caller: LetIn, *, session_id: UUID) -> Part:
        """A participant comes back to the session, for reading or for going on.

        Raises:
            UnknownSessionError, NotYourSessionError: there is none, or it is not the caller's.
        """
        standing = await self.journal.standing(session_id, caller.principal.id)
        if standing is not None and not standing.takes_part:
            raise NotYourSessionError
        live = await self.sessions.find(session_id) if standing is not None else None
        if live is None:
            raise UnknownSessionError
        mine = live.state.participants.get(caller.principal.id)
        if mine is None or not caller.covers(Reach(own=True)):
            raise NotYourSessionError
        if mine.role == "supervisor" and self.supervisors is not None:
            return await self.supervisors.entered(caller, session_id)
        part = Part(live, mine, is_entitled(caller.principal))
        if not mine.public and not part.is_owner:
            raise NotYourSessionError  # an employee who handed it on has no need to know what was said since
        await self._check_authority(part)
        return part

    async def _check_authority(self, part: Part) -> None:
        """An authority that ended meanwhile ends the part of who came in by it."""
        if part.participant.role == "representative" and self.representatives is not None:
            authorities = dict(part.live.state.situation.authorities)
            await self.representatives.require(UUID(authorities[part.participant.id]))

    async def post(self, part: Part, *, client_id: str, text: str, reply: Reply, manner: Manner = PLAIN) -> None:
        """Say something; the reply hears when it is durable, or why it may not be said.

        It waits only where something has to be recorded before. What was said already is known by its id, and said once.
        """
        state, who = part.live.state, part.participant
        submission = Submission(
            part.live, Post(who, client_id, text, manner.seen, third_party=manner.third_party), reply
        )
        if client_id not in state.receipts:
            try:
                await self._check_authority(part)
                await self.speech.let_pass(Utterance(state, who, client_id, text, manner))
            except MunimentError as refusal:
                reply.refused(submission, refusal)
                return
            except Exception as error:
                if not is_outage(error):
                    raise
                reply.refused(submission, NotStoredYetError())
                return
        self._writer.submit(submission)

    async def say(self, part: Part, *, client_id: str, text: str, manner: Manner = PLAIN) -> Receipt:
        """Say something and wait until it is durable.

        Raises:
            MunimentError: it may not be said, or could not be stored.
        """
        reply = _Awaited()
        await self.post(part, client_id=client_id, text=text, reply=reply, manner=manner)
        return await reply.outcome

    async def close_session(self, part: Part) -> None:
        """End the session; one that is closed already stays as it is."""
        if part.live.state.closing is not None:
            return
        await self.end(part, policy.close_reason(part.participant))

    async def end(self, part: Part, reason: CloseReason) -> None:
        """End the session for this reason; one that is closed already stays as it is."""
        only_waiting = reason == "place_kept"
        try:
            await self.store(part.live, Close(part.participant, str(new_id()), reason, only_waiting=only_waiting))
        except MunimentError:
            if part.live.state.closing is None or only_waiting:
                raise

    async def store(self, live: LiveSession, contribution: Contribution) -> Receipt:
        """Make this an entry, and wait until it is durable.

        Raises:
            MunimentError: the session's state does not allow it, or it could not be stored.
        """
        reply = _Awaited()
        self._writer.submit(Submission(live, contribution, reply))
        return await reply.outcome


__all__ = ["Chat", "Kind", "LetIn", "Part"]
