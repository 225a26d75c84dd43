"""One act on one request: is it possible now, the step it leaves, and the letter that goes with it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from common.database import WriteSession
from common.federal_calendar import FederalCalendar
from common.ids import new_id
from common.protection.service_keys import ColumnKeys
from disclosure import policy
from disclosure.errors import NoSuchIndividualRequestError, NotNowError, OwnIndividualRequestError
from disclosure.individuals import store
from disclosure.individuals.clocks import Clock
from disclosure.individuals.states import Kind, machine
from disclosure.individuals.tables import IndividualClock, IndividualRequest, IndividualStep

LETTER = "individual_step.letter"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one act is done: the unit of work, the keys of sealed columns, the calendar, and who acts.

    Attributes:
        account: the token's subject, when the person themselves acts; empty when an official does.
    """

    session: WriteSession
    keys: ColumnKeys
    calendar: FederalCalendar
    now: datetime
    actor: str
    account: str = ""

    @property
    def today(self) -> date:
        """The day at the agency's seat."""
        return policy.agency_day(self.now)

    @property
    def accounts(self) -> list[bytes]:
        return self.keys.blinds(store.ACCOUNT, self.account)

    async def request(self, request_id: UUID) -> IndividualRequest:
        """The request, held for this act. The person's own only, when a person acts.

        Raises:
            NoSuchIndividualRequestError: there is none, or it is not theirs: the same answer.
            OwnIndividualRequestError: an official acts on what they asked themselves.
        """
        if self.account:
            row = await store.own_request(self.session, request_id, self.accounts, hold=True)
        else:
            row = await store.request_for_update(self.session, request_id)
        if row is None:
            raise NoSuchIndividualRequestError
        if not self.account and row.account is not None and row.taken_by == self.actor:
            raise OwnIndividualRequestError
        return row

    async def step(
        self,
        row: IndividualRequest,
        act: str,
        *,
        facts: Mapping[str, bool | str] | None = None,
        codes: Mapping[str, Any] | None = None,
        letter: str = "",
        rerouted_to: str = "",
    ) -> None:
        """Do this act, if the machine knows it in this state.

        Args:
            rerouted_to: the office to which the act sends it; the store takes it together with the state alone.
            codes: what the step says, coded; no person's values. letter: what is written to the person; kept sealed.

        Raises:
            NotNowError: it does not.
        """
        to = self.leads_to(row, act, facts)
        seq = await store.number_of_steps(self.session, row.id) + 1
        self.session.add(
            IndividualStep(
                request_id=row.id,
                seq=seq,
                act=act,
                from_state=row.state,
                to_state=to,
                actor=self.actor,
                at=self.now,
                codes=dict(codes or {}),
                letter=store.seal(self.keys, letter, LETTER, f"{row.id}/{seq}") if letter else None,
            )
        )
        row.state = to
        row.rerouted_to = rerouted_to or row.rerouted_to
        await self.session.flush()

    def leads_to(self, row: IndividualRequest, act: str, facts: Mapping[str, bool | str] | None = None) -> str:
        """The state to which the act leads now.

        Raises:
            NotNowError: to none.
        """
        known = {"acknowledged": row.acknowledged_on is not None, **(facts or {})}
        kind = cast("Kind", row.kind)
        to = machine().after(act, row.state, kind, known)
        if to is None:
            raise NotNowError(row.state, machine().acts_from(row.state, kind))
        return to

    async def start(self, row: IndividualRequest, clock: Clock | None) -> None:
        """Let a time limit run, with the proof of its count."""
        if clock is None:
            return
        skipped = [{k: str(v) for k, v in asdict(off).items()} for off in clock.skipped]
        self.session.add(
            IndividualClock(
                request_id=row.id,
                name=clock.name,
                started_on=clock.started_on,
                due_on=clock.due_on,
                working_days=clock.working_days,
                authority=clock.authority,
                skipped=skipped,
            )
        )
        await self.session.flush()

    async def meet(self, row: IndividualRequest, *names: str) -> None:
        await store.meet_clocks(self.session, row.id, names, self.today)


def new_request_id() -> UUID:
    return new_id()


def unsealed_letters(keys: ColumnKeys, steps: Sequence[IndividualStep]) -> list[tuple[IndividualStep, str]]:
    """The letters of these steps."""
    return [
        (step, str(store.opened(keys, step.letter, LETTER, f"{step.request_id}/{step.seq}")))
        for step in steps
        if step.letter is not None
    ]
