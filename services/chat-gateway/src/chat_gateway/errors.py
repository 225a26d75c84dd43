"""What the gateway refuses, each under its own code; on the socket the code is the error frame's, over HTTP the problem's type."""

from collections.abc import Sequence
from datetime import datetime

from common.clock import rfc3339
from common.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    TooManyError,
    UnauthenticatedError,
    UnavailableError,
)


class UnknownSessionError(NotFoundError):
    """No such session, or not this caller's: the answer is the same, since existence is private."""

    kind, title = "unknown-session", "There is no such session for you"

    def __init__(self) -> None:
        super().__init__("there is no such session for you on this connection; open, join or resume one first")


class NotYourSessionError(ForbiddenError):
    """Answered word for word like a session that does not exist; the trail alone says refused."""

    status, kind, title = UnknownSessionError.status, UnknownSessionError.kind, UnknownSessionError.title

    def __init__(self) -> None:
        super().__init__(UnknownSessionError().detail)


class SessionClosedError(ConflictError):
    kind, title = "session-closed", "The session is closed"

    def __init__(self) -> None:
        super().__init__("the session is closed; nothing more can be added to it")


class NotInThisStateError(ConflictError):
    """What was asked does not go with where the conversation stands; the text says what stands in the way."""

    kind, title = "not-in-this-state", "The conversation's state does not allow this"


class NothingMaskedError(NotFoundError):
    kind, title = "nothing-masked", "Nothing is masked there"

    def __init__(self) -> None:
        super().__init__("there is no such message in this conversation, or nothing is masked at this place of it")


class TooManyRevealsError(TooManyError):
    kind, title, retryable = "too-many-reveals", "Too much was revealed in an hour", False

    def __init__(self, most: int) -> None:
        super().__init__(
            f"one employee may have {most} masked places revealed in an hour: go on later, or have your position looked at "
            "if your work needs it",
            limit=most,
        )


class UnknownAnswerError(NotFoundError):
    kind, title = "unknown-answer", "There is no such answer"

    def __init__(self) -> None:
        super().__init__("there is no such answer in this version")


class AnswerNotInForceError(ConflictError):
    kind, title = "answer-not-in-force", "This version of the answer may not be sent now"

    def __init__(self, version: int | None) -> None:
        holds = f"version {version} is in force" if version else "no version is in force for this topic"
        super().__init__(f"this version of the answer may not be sent here now; {holds}")


class AnswerNotFitError(InvalidError):
    """What is to be sent to many may hold nothing of anybody, and nothing that may not be said to everybody."""

    kind, title = "answer-not-fit", "This cannot be an answer for everybody"

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join(reasons), errors=[FieldError("text", reason) for reason in reasons])


class OwnAnswerError(ForbiddenError):
    kind, title = "own-answer", "Somebody else has to approve what one wrote"

    def __init__(self) -> None:
        super().__init__("somebody else than its author has to approve an answer")


class UnknownAuthorityError(NotFoundError):
    kind, title = "unknown-authority", "There is no such entry"

    def __init__(self) -> None:
        super().__init__("there is no such entry in the register of authorities")


class NoAuthorityError(ForbiddenError):
    kind, title = "no-authority", "No authority is proven"

    def __init__(self) -> None:
        super().__init__("no authority to act for this person is proven for today")


class OwnEntryError(ForbiddenError):
    kind, title = "own-entry", "Somebody else has to check what one entered"

    def __init__(self) -> None:
        super().__init__("somebody else than who entered it has to check an authority")


class UnknownAlarmError(NotFoundError):
    kind, title = "unknown-alarm", "There is no such call for help"

    def __init__(self) -> None:
        super().__init__("there is no such call for help")


class NotDesignatedError(ForbiddenError):
    """Only who is designated for the topic, and certified for the language, takes a session (S1-016)."""

    kind, title = "not-designated", "This conversation needs another expert"

    def __init__(self, reasons: Sequence[str], lacking: Sequence[str]) -> None:
        super().__init__(
            f"this conversation needs another expert: {', '.join(reasons)}",
            missing=[f"designation {code}" for code in lacking],
        )


class UnknownTopicError(InvalidError):
    kind, title = "unknown-topic", "There is no such topic"

    def __init__(self, offered: Sequence[str]) -> None:
        super().__init__(f"the topics are {', '.join(offered)}", errors=[FieldError("topic", "not a topic")])


class OutsideHoursError(ConflictError):
    """Nobody serves the topic now; the text says when somebody does, and how else the agency is reached (S1-002)."""

    kind, title = "outside-hours", "Nobody is here for this topic now"

    def __init__(self, opens_at: datetime | None, why: str, channels: Sequence[str]) -> None:
        opens = f"it opens at {rfc3339(opens_at)}" if opens_at else "when it opens is not known"
        super().__init__(
            f"nobody serves this topic now ({why}); {opens}; leave a message, or use: {', '.join(channels)}"
        )


class DraftBlockedError(InvalidError):
    """An employee's words break a rule that nothing excuses; the error names rules and places, never the words."""

    kind, title = "draft-blocked", "This may not be said here"

    def __init__(self, rules: Sequence[dict[str, object]]) -> None:
        super().__init__(f"this may not be said here: {_told(rules)}", rules=list(rules))


class DraftNeedsReasonError(ConflictError):
    """An employee's words may hold what is not theirs to say; with a reason they go, and the reason is recorded."""

    kind, title = "draft-needs-reason", "This needs a reason to be said here"

    def __init__(self, rules: Sequence[dict[str, object]]) -> None:
        super().__init__(f"this needs a reason: {_told(rules)}", missing=["reason"], rules=list(rules))


def _told(rules: Sequence[dict[str, object]]) -> str:
    return " ".join(f"{rule['says']} {rule['change']}" for rule in rules)


class AcknowledgementOnlyError(ForbiddenError):
    """Nothing of substance goes to somebody who is no party to the case (DEEOIC bulletin, item 5; S2-043)."""

    kind, title = "acknowledgement-only", "Only the acknowledgement may be sent here"

    def __init__(self) -> None:
        super().__init__(
            "the person is no party to what they ask about: only answers made for strangers may be sent, the acknowledgement "
            "for one; it neither confirms nor denies anything"
        )


class ClassifiedMarkingError(InvalidError):
    """The system is unclassified (S1-010)."""

    kind, title = "classified-marking", "This is marked as classified"

    def __init__(self) -> None:
        super().__init__(
            "this conversation is unclassified, and the text bears a marking of classified content: it was set apart, told to "
            "nobody, and the security office was alerted; do not send it again"
        )


class UnseenMessageError(ConflictError):
    """Somebody said something that the sender had not seen when they wrote this."""

    kind, title = "unseen-message", "There is a message that you have not seen"

    def __init__(self, seq: int) -> None:
        super().__init__(
            f"you have not seen message {seq}: read it, and send again with seen_seq {seq} or more if it is still what you "
            "want to say",
            seq=seq,
        )


class ClientIdReusedError(ConflictError):
    kind, title = "client-id-reused", "This client id stands for something else already"

    def __init__(self) -> None:
        super().__init__("this client_id was used in this session with another content")


class NoticeNotAcknowledgedError(ConflictError):
    """5 U.S.C. 552a(e)(3): the statement comes before anything is collected."""

    kind, title = "notice-not-acknowledged", "The Privacy Act statement has to be acknowledged first"

    def __init__(self) -> None:
        super().__init__(
            "notice_version must be the version of the Privacy Act statement shown on this connection; it is shown again now",
            missing=["notice_version"],
        )


class CursorAheadError(InvalidError):
    kind, title = "cursor-ahead", "The cursor lies beyond the session's last entry"

    def __init__(self) -> None:
        super().__init__(
            "the session has no entry of this number yet: a cursor or a receipt lies within 1..n", missing=[]
        )


class MalformedFrameError(InvalidError):
    kind, title = "malformed-frame", "The frame is not as the protocol says"


class FrameTooLargeError(TooLargeError):
    kind, title = "frame-too-large", "The frame is too large"

    def __init__(self, most: int) -> None:
        super().__init__(f"a frame may have {most} bytes at most")


class TextTooLongError(TooLargeError):
    kind, title = "text-too-long", "The text is too long"

    def __init__(self, most: int) -> None:
        super().__init__(f"text may have {most} bytes (UTF-8) at most")


class TokenExpiredError(UnauthenticatedError):
    kind, title = "token-expired", "The token has expired"

    def __init__(self) -> None:
        super().__init__("the token has expired; connect again with a new one and resume")


class TooManySessionsError(TooManyError):
    kind, title = "too-many-sessions", "Too many sessions in a short time"


class TooManyFramesError(TooManyError):
    kind, title = "too-many-frames", "Too many frames in a short time"

    def __init__(self, per_second: float) -> None:
        super().__init__(
            f"a connection may send {per_second:g} frames a second; this one was not read: send it again later"
        )


class TooManyConnectionsError(TooManyError):
    kind, title = "too-many-connections", "Too many connections at once"

    def __init__(self, limit: str, most: int) -> None:
        super().__init__(
            f"one {limit} may have {most} connections here at once: close one that is not needed, then connect again"
        )
        self.headers = {"Retry-After": "30"}


class NotStoredYetError(UnavailableError):
    kind, title = "not-stored-yet", "The message is not stored yet"

    def __init__(self) -> None:
        super().__init__("the database is out of reach; whether it was stored is not known: send it again as it is")


__all__ = [
    "AcknowledgementOnlyError",
    "AnswerNotInForceError",
    "ClassifiedMarkingError",
    "ClientIdReusedError",
    "CursorAheadError",
    "DraftBlockedError",
    "DraftNeedsReasonError",
    "ForbiddenError",
    "FrameTooLargeError",
    "MalformedFrameError",
    "NotDesignatedError",
    "NotInThisStateError",
    "NotStoredYetError",
    "NotYourSessionError",
    "NothingMaskedError",
    "NoticeNotAcknowledgedError",
    "OutsideHoursError",
    "SessionClosedError",
    "TextTooLongError",
    "TokenExpiredError",
    "TooManyConnectionsError",
    "TooManyFramesError",
    "TooManyRevealsError",
    "TooManySessionsError",
    "UnknownAlarmError",
    "UnknownSessionError",
    "UnknownTopicError",
    "UnseenMessageError",
]
