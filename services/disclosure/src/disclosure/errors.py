"""What this service refuses, each with its status."""

from common.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


class UnknownRequestError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no request of this id")


class UnknownDecisionError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no decision of this id")


class UnknownSystemError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("no system of records of this number is registered; GET /v1/registers/systems lists them")


class OwnRequestError(ForbiddenError):
    """Separation of duties: who asks never approves."""

    kind, title = "own-request", "Who asks never approves"

    def __init__(self) -> None:
        super().__init__("you made this request, so another privacy officer has to decide it")


class AlreadyReleasedError(ConflictError):
    def __init__(self) -> None:
        super().__init__("what this request asked for was released already; a further release needs a new request")


class NotAllowedError(InvalidError):
    """A release was asked for and the decision is not allow (invariants 4 and 5)."""

    kind, title = "not-allowed", "Nothing leaves without an allow decision"


class UnknownRulesError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("no decision was made under rules of this version")


class NoSuchIndividualRequestError(NotFoundError):
    """Unknown and not yours: the same words (20 CFR 401.45(a))."""

    def __init__(self) -> None:
        super().__init__("you have no request of this id")


class NotNowError(ConflictError):
    """The state of a request, a package or an incident does not allow this act."""

    kind, title = "not-now", "The present state does not allow this act"

    def __init__(self, state: str, possible: tuple[str, ...], what: str = "the request") -> None:
        does = f"possible are {', '.join(possible)}" if possible else "nothing follows it"
        super().__init__(f"{what} is {state}; {does}", state=state, possible=list(possible))


class ClosedChannelError(InvalidError):
    """Nothing can be opened on this channel, or not by such a person (S1-104)."""

    kind, title = "closed-channel", "A request cannot begin in this way"


class OwnRefusalError(ForbiddenError):
    """Separation of duties: who refused does not review (5 U.S.C. 552a(d)(3))."""

    kind, title = "own-refusal", "Who refused does not review"

    def __init__(self) -> None:
        super().__init__("you made the decision that is reviewed, so the head's designee must be somebody else")


class UndecidedRedactionsError(InvalidError):
    """Nothing goes before it is decided what of it is about somebody else (S2-020)."""

    kind, title = "third-persons", "Other people's data in the record are not decided on"


class UnreadableRulesError(ConflictError):
    """The store keeps the text of these rules, and this version of the service does not read its form."""

    def __init__(self) -> None:
        super().__init__("the rules of this version are written in a form that is read no more")


class UnknownPaperError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no agreement or consent of this id in the register")


class TakenMarkError(ConflictError):
    """An agreement or consent is entered once under its mark; a changed one is another one."""

    def __init__(self) -> None:
        super().__init__("another entry of the register bears this mark, or this was said of it already")


class OwnPaperError(ForbiddenError):
    """Separation of duties: who enters an agreement never approves it."""

    kind, title = "own-paper", "Who enters never approves"

    def __init__(self) -> None:
        super().__init__("you entered this agreement, so somebody else has to approve it")


class OwnIndividualRequestError(ForbiddenError):
    """Separation of duties: nobody is the official of what they ask themselves."""

    kind, title = "own-request", "Who asks never approves"

    def __init__(self) -> None:
        super().__init__("this request is your own: another official works on it, and you see it under /v1/me")


class NoSuchNoticeError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("there is no notice of this id")


class NoticeStateError(ConflictError):
    """A notice is sent, then its receipt is confirmed; of what never went nobody is told."""

    kind, title = "not-now", "The state of the notice does not allow this"

    def __init__(self, state: str) -> None:
        super().__init__(f"the notice is {state}", state=state)
