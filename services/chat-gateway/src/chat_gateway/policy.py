"""Who may do what to a session, on plain facts. Rules about people stand here; rules about order and state in `model`."""

from collections.abc import Mapping

from chat_gateway.errors import NoticeNotAcknowledgedError, UnknownSessionError
from chat_gateway.model import CloseReason, Participant, Status
from common.errors import ForbiddenError


def require_opener(roles: frozenset[str]) -> None:
    """Only a member of the public opens a session (S1-002): the agency never starts one.

    Raises:
        ForbiddenError: the caller is no customer, or is an employee as well.
    """
    if roles != {"customer"}:
        raise ForbiddenError("only a customer opens a session; the agency never starts one")


def require_employee(roles: frozenset[str]) -> None:
    """Only an agent sees the queue and takes a session.

    Raises:
        ForbiddenError: the caller is no agent.
    """
    if "agent" not in roles:
        raise ForbiddenError("this needs the role agent")


def require_notice(*, shown: str | None, current: str, acknowledged: str) -> None:
    """The statement in force was shown on this connection and is what was acknowledged (5 U.S.C. 552a(e)(3), S3-070).

    Raises:
        NoticeNotAcknowledgedError: any other case.
    """
    if shown is None or shown != current or acknowledged != current:
        raise NoticeNotAcknowledgedError


def participant_of(participants: Mapping[str, Participant], principal_id: str) -> Participant:
    """The caller's part in a session.

    Raises:
        UnknownSessionError: none; told like a session that does not exist.
    """
    found = participants.get(principal_id)
    if found is None:
        raise UnknownSessionError
    return found


def may_take(status: Status) -> bool:
    """A session is taken once."""
    return status is Status.WAITING


def close_reason(participant: Participant) -> CloseReason:
    return "customer_left" if participant.role == "customer" else "agent_closed"


def withheld_from(participant: Participant) -> bool:
    """The public sees an employee's chosen display name, never the PIN (S1-036)."""
    return participant.role == "customer"
