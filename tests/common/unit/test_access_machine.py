"""Whatever happens to people in whatever order, the table lets nobody through whom a second author's rules would stop.

The oracle below was written from the sources and not from the table: who may do seven operations that stand for the others.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from common.access import PERMISSIONS, PURPOSES, Reach, admit
from common.auth import Principal
from common.errors import MunimentError
from common.registers.documents import current_versions
from common.roles import POSITIONS, ROLES, roles_of

OPERATIONS = (
    "transcript.read", "report.named", "report.own", "assignments.set", "session.open", "session.join", "action.record",
)  # fmt: skip
RELATIONS = ("own", "subordinate", "office", "region", "controlled_office")
CLAIMS = ("pin", "office", "region")
BEGINNING = date(2026, 3, 2)


class People(RuleBasedStateMachine):
    """One person whose roles, position, card, training and relation to a record change; now and then they ask."""

    @initialize()
    def arrive(self) -> None:
        self.today = BEGINNING
        self.groups: set[str] = set()
        self.position: str | None = None
        self.amr = ["sc", "pin"]
        self.profile = {"pin": "100001", "office": "S01", "region": "R1"}
        self.trained = self.signed = BEGINNING
        self.texts = dict(current_versions(BEGINNING))
        self.client = False
        self.relation = dict.fromkeys(RELATIONS, False)

    @rule(role=st.sampled_from(sorted(ROLES)))
    def join_or_leave_a_group(self, role: str) -> None:
        self.groups ^= {role}

    @rule(position=st.sampled_from([None, *sorted(POSITIONS)]))
    def change_position(self, position: str | None) -> None:
        self.position = position

    @rule(role=st.sampled_from(["agent", "supervisor", "office_admin", "auditor", "quality_reviewer"]))
    def be_appointed(self, role: str) -> None:
        self.groups = {role}
        self.position = next(name for name, given in sorted(POSITIONS.items()) if given == {role} or role in given)

    @rule(amr=st.sampled_from([["sc", "pin"], ["pwd"], ["sc"], ["pin", "otp"], []]))
    def log_in(self, amr: list[str]) -> None:
        self.amr = amr

    @rule(name=st.sampled_from(CLAIMS))
    def lose_or_regain_part_of_the_profile(self, name: str) -> None:
        self.profile[name] = "" if self.profile[name] else "S01"

    @rule(days=st.integers(1, 400))
    def time_passes(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule()
    def train(self) -> None:
        self.trained = self.today

    @rule()
    def sign(self) -> None:
        self.signed = self.today

    @rule(claim=st.sampled_from(sorted(current_versions(BEGINNING))))
    def forget_or_acknowledge_a_text(self, claim: str) -> None:
        self.texts[claim] = "" if self.texts[claim] else current_versions(self.today)[claim]

    @rule()
    def become_a_program_or_a_person(self) -> None:
        self.client = not self.client

    @rule(name=st.sampled_from(RELATIONS))
    def be_assigned_or_moved_away(self, name: str) -> None:
        self.relation[name] = not self.relation[name]

    @rule(operation=st.sampled_from(OPERATIONS), purpose=st.sampled_from(["", *PURPOSES, "curiosity"]))
    def ask(self, operation: str, purpose: str) -> None:
        now = datetime.combine(self.today, time(9), UTC)
        claims = self.claims(now)
        principal = Principal("p-1", roles_of(claims), claims)
        try:
            permit = admit(PERMISSIONS.rows[operation], principal, stated=purpose, now=now)
            let_in = permit.covers(Reach(**self.relation))
        except MunimentError:
            let_in = False
        assert let_in == self.oracle(operation, purpose), (operation, purpose, sorted(principal.roles))

    def claims(self, now: datetime) -> dict[str, Any]:
        claims: dict[str, Any] = {
            "sub": "p-1", "roles": sorted(self.groups), "position": self.position, "amr": self.amr, "ial": 2, "aal": 2,
            "training_date": self.trained.isoformat(), "sanctions_date": self.signed.isoformat(),
            **self.texts, **self.profile, "auth_time": int(now.timestamp()),
        }  # fmt: skip
        if self.client:
            claims |= {"client_id": "p-1"}
            del claims["auth_time"], claims["pin"]
        return claims

    def oracle(self, operation: str, purpose: str) -> bool:  # noqa: PLR0911 - one case after the other
        """Who may, in plain cases; nothing here reads the table."""
        held = set(POSITIONS.get(self.position or "", set())) & self.groups
        customer = "customer" in self.groups
        program = self.client and not held and not customer
        if held and not ("sc" in self.amr and "pin" in self.amr):
            return False
        pin = "" if self.client else self.profile["pin"]
        whole = bool(pin and self.profile["office"] and self.profile["region"])
        fresh = all((self.today - day).days <= 365 for day in (self.trained, self.signed))
        texts = all(text for claim, text in self.texts.items() if claim != "tool_training_version")
        standing = whole and fresh and texts
        tools = standing and bool(self.texts["tool_training_version"])
        if operation == "action.record":
            return program and "case_system" in self.groups and purpose in {"", "production"}
        if operation == "session.open":
            alone = customer and not held
            return alone and purpose in {"", "program-administration"} and self.relation["own"]
        if operation == "session.join":
            return "agent" in held and standing and purpose in {"", "program-administration"}
        if operation == "report.own":
            stated = {"", "production", "performance", "reporting"}
            return bool(held) and whole and purpose in stated and self.relation["own"]
        if operation == "report.named":
            stated = {"production", "performance", "reporting"}
            return "supervisor" in held and tools and purpose in stated and self.relation["subordinate"]
        if operation == "assignments.set":
            return "office_admin" in held and tools and purpose in {"", "production"} and self.relation["office"]
        return self.reads(held, purpose, customer=customer, standing=standing, whole=whole)

    def reads(self, held: set[str], purpose: str, *, customer: bool, standing: bool, whole: bool) -> bool:
        """A transcript: the person, those who took part, the office's supervisor, and four roles for their duties."""
        duties = {
            "agent": {"program-administration"},
            "supervisor": {"program-administration", "quality-review", "training", "performance-assessment"},
            "quality_reviewer": {"quality-review", "training"},
            "privacy_officer": {"disclosure-processing", "audit"},
            "records_officer": {"records-management"},
            "auditor": {"audit"},
        }
        readers = {role for role in held if role in duties}
        if readers and not whole:
            return False
        if customer and (purpose == "own-record" or (not purpose and not readers)):
            return self.relation["own"]
        able = {role for role in readers if purpose in duties[role]}
        reach = {"agent": self.relation["own"], "supervisor": self.relation["office"]}
        return standing and any(reach.get(role, True) for role in able)


People.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, database=None)
TestPeople = People.TestCase
