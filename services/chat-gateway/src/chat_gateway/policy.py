"""Rules of a session on plain facts: notice, parts, endings. Who may do what stands in the table of permissions; order and
state in `model`.
"""

from collections.abc import Mapping

from chat_gateway.errors import NoticeNotAcknowledgedError, UnknownSessionError
from chat_gateway.model import CloseReason, Participant, Status


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
    return "customer_left" if participant.public else "agent_closed"
