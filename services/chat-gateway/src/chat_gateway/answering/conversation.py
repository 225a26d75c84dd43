"""What changes who is spoken to: an answer of the register, a representative who comes in, how the person is regarded."""

from typing import Literal
from uuid import UUID

from chat_gateway.answering import answers, authorities
from chat_gateway.errors import (
    ClientIdReusedError,
    NoAuthorityError,
    NotInThisStateError,
    NotYourSessionError,
)
from chat_gateway.model import AnswerRef, Participant, Post, Receipt
from chat_gateway.routing.matching import DEFAULT_LANGUAGE
from chat_gateway.speaking import is_proven
from chat_gateway.turns import Accompany, Regard
from chat_gateway.use_cases import Chat, LetIn, Part
from common.clock import Clock, rfc3339
from common.database import Database
from common.ids import new_id
from common.protection.keyring import Keyring

Basis = Literal["asks-about-another", "identity-in-doubt", "authority-shown", "mistake"]


class Conversations:
    """Made once a process."""

    def __init__(self, chat: Chat, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._chat = chat
        self._database = database
        self._keyring = keyring
        self._clock = clock
        chat.representatives = self

    async def answer(
        self, part: Part, *, client_id: str, answer: str, version: int, seen: int | None
    ) -> Receipt | None:
        """Send an answer of the register; the entry remembers which version.

        That it is about to be sent is noted first: whoever got it can be found, whatever breaks in between.

        Returns:
            The receipt, where it was sent before under this id; None where it becomes an entry now.

        Raises:
            ClientIdReusedError: the id stands for something else.
            AnswerNotInForceError: this version may not be sent here today.
            MunimentError: as for anything that is said.
        """
        state, now = part.live.state, self._clock.now()
        if not part.is_owner:
            raise NotYourSessionError
        if client_id in state.receipts:
            async with self._database.reading() as session:
                if await answers.was_used(session, state.id, UUID(client_id)) != (answer, version):
                    raise ClientIdReusedError
            return state.receipts[client_id]
        language = state.opening.notice_language if state.opening else DEFAULT_LANGUAGE
        async with self._database.unit_of_work() as session:
            found = await answers.find(
                session, answer, version, topic=state.situation.topic, language=language, today=now.date()
            )
            await answers.used(session, state.id, UUID(client_id), found, now)
        ref = AnswerRef(found.answer, found.version, found.for_strangers)
        await self._chat.store(part.live, Post(part.participant, client_id, found.text, seen, ref))
        return None

    async def accompany(self, caller: LetIn, *, session_id: UUID, authority_id: UUID) -> Part:
        """Somebody comes into the conversation of a person for whom they may act, as the register proves.

        Raises:
            UnknownSessionError: there is none; the same answer where they have no authority, since who acts for whom is private.
            NotInThisStateError: they take part already, as somebody else.
        """
        principal, now = caller.principal, self._clock.now()
        try:  # before the session is read, so that nobody learns by the time it takes whether it is there
            async with self._database.reading() as session:
                found, represented = await authorities.require(
                    session, authority_id, self._keyring, representative=principal.id, today=now.date()
                )
        except NoAuthorityError:
            raise NotYourSessionError from None
        standing = await self._chat.journal.standing(session_id, represented)
        live = await self._chat.sessions.find(session_id) if standing is not None and standing.takes_part else None
        person = next((p for p in live.state.participants.values() if p.role == "customer"), None) if live else None
        if live is None or person is None or person.principal_id != represented:
            raise NotYourSessionError
        known = live.state.participants.get(principal.id)
        if known is not None:
            if known.role != "representative":
                raise NotInThisStateError("an account takes part once")
            return Part(live, known)
        who = Participant(
            str(new_id()), principal.id, "representative", principal.claim("display_name"), rfc3339(now)
        )  # fmt: skip
        await self._chat.store(live, Accompany(who, str(new_id()), str(found.id), found.kind))
        return Part(live, who)

    async def require(self, authority_id: UUID, /) -> None:
        """Refuse who came in by an authority that holds no more.

        Raises:
            NotYourSessionError: it ended, or its last day is over.
        """
        async with self._database.reading() as session:
            found = await authorities.entry(session, authority_id)
        if not found.holds_on(self._clock.now().date()):
            raise NotYourSessionError

    async def regard(self, part: Part, *, standing: Literal["party", "stranger"], basis: Basis) -> None:
        """The employee says how the person stands to what they ask about (S2-043).

        Raises:
            NotInThisStateError: who is not proven to be a party does not become one by somebody's word.
        """
        proven = is_proven(part.live.state)
        await self._chat.store(part.live, Regard(part.participant, str(new_id()), standing, basis, proven))
