"""Who may do what: a table of cases."""

import pytest

from chat_gateway import policy
from chat_gateway.errors import NoticeNotAcknowledgedError, UnknownSessionError
from chat_gateway.model import Status
from common.access import PERMISSIONS, Permit
from common.access.table import Facts, Refusal, decide
from common.auth import ROLES
from tests.chat_gateway.unit.test_model import somebody


def ask(operation: str, *roles: str) -> Permit | Refusal:
    return decide(PERMISSIONS.rows[operation], Facts(frozenset(roles), factors=frozenset({"sc", "pin"})))


@pytest.mark.req("S1-002")
@pytest.mark.parametrize("role", sorted(ROLES))
def test_only_a_customer_opens(role: str) -> None:
    assert isinstance(ask("session.open", role), Permit) == (role == "customer")
    assert isinstance(ask("session.open"), Refusal)
    if role != "customer":
        assert isinstance(ask("session.open", role, "customer"), Refusal), "an employee is no customer at the same time"


@pytest.mark.parametrize("role", sorted(ROLES))
def test_only_an_agent_takes(role: str) -> None:
    for operation in ("session.join", "queue.list"):
        assert isinstance(ask(operation, role), Permit) == (role == "agent")


@pytest.mark.req("S3-070")
@pytest.mark.parametrize(
    ("shown", "current", "acknowledged", "enough"),
    [
        ("2", "2", "2", True),
        (None, "2", "2", False),
        ("1", "2", "1", False),
        ("1", "2", "2", False),
        ("2", "2", "1", False),
        ("2", "2", "", False),
    ],
)
def test_the_notice_in_force_was_shown_and_acknowledged(
    shown: str | None, current: str, acknowledged: str, *, enough: bool
) -> None:
    if enough:
        policy.require_notice(shown=shown, current=current, acknowledged=acknowledged)
        return
    with pytest.raises(NoticeNotAcknowledgedError):
        policy.require_notice(shown=shown, current=current, acknowledged=acknowledged)


def test_a_part_belongs_to_its_participant() -> None:
    customer = somebody()
    assert policy.participant_of({"customer-1": customer}, "customer-1") is customer
    with pytest.raises(UnknownSessionError):
        policy.participant_of({"customer-1": customer}, "customer-2")


@pytest.mark.parametrize(("status", "free"), [(Status.WAITING, True), (Status.ACTIVE, False), (Status.CLOSED, False)])
def test_a_session_is_taken_while_it_waits(status: Status, *, free: bool) -> None:
    assert policy.may_take(status) is free


def test_who_closes_says_why() -> None:
    assert policy.close_reason(somebody()) == "customer_left"
    assert policy.close_reason(somebody("agent")) == "agent_closed"
