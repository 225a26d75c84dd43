"""Frames and bodies for those who answer, and for those who supervise them: notes, whispers, the call for help."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from chat_gateway.wire import ClientFrame, Id, Seq, Text

OverrideReason = Literal["customers-own", "public-contact", "authorised-third-person"]
RevealReason = Literal["verify-identity", "needed-for-the-answer", "customer-asked", "safety"]
WatchPurpose = Literal["quality-review", "training", "performance-assessment", "program-administration"]
AlarmCause = Literal["threat", "violence", "self-harm", "medical", "other"]


class WriteNote(ClientFrame):
    """An employee writes a note for colleagues. It is no entry of the session: no customer's connection ever gets it."""

    type: Literal["note"]
    session_id: Id
    client_id: Id = Field(description="The client's own id for this note; sending it again is the same note")
    text: Text


class Duress(ClientFrame):
    """An employee calls for help, with one key: nothing but the type is needed."""

    type: Literal["duress"]
    session_id: Id | None = Field(default=None, description="The session in which it happens")
    cause: AlarmCause = "other"


class AnswerAlarm(ClientFrame):
    """Somebody saw a call for help and sees to it."""

    type: Literal["assist"]
    alarm_id: Id


class CheckDraft(ClientFrame):
    """An employee asks what the rules say of a text before sending it. It is kept nowhere."""

    type: Literal["check"]
    session_id: Id
    client_id: Id | None = Field(default=None, description="Comes back with the answer")
    text: Text


class BrokenRule(BaseModel):
    """A rule that a text breaks: never the words themselves."""

    rule: str
    verdict: Literal["warn", "block"]
    cites: str
    says: str
    change: str
    reasons: list[str] = Field(description="With one of these an employee may send it all the same")
    places: list[list[int]] = Field(description="Beginning and end of each place, in characters")
    suggests: str | None = Field(default=None, description="An answer of the register that may be sent instead")


class Checked(BaseModel):
    """What the rules say of a draft."""

    type: Literal["checked"] = "checked"
    session_id: Id
    client_id: Id | None = None
    verdict: Literal["allow", "warn", "block"]
    rules: list[BrokenRule]


class Reveal(ClientFrame):
    """An employee needs to see one masked place of one message. Each is recorded with its reason."""

    type: Literal["reveal"]
    session_id: Id
    seq: int = Field(ge=1, le=2_147_483_647, description="Number of the message")
    span: int = Field(ge=0, le=8192, description="Which of its masked places")
    reason: RevealReason


class MaskedPlace(BaseModel):
    span: int
    kind: str = Field(description="Kind of the taxonomy that is masked")
    at: int = Field(description="Where the mark begins in the text as it is shown, in characters")
    length: int


class Revealed(BaseModel):
    """What stands at one masked place."""

    type: Literal["revealed"] = "revealed"
    session_id: Id
    seq: int
    span: int
    kind: str
    text: str = Field(repr=False)


class UseAnswer(ClientFrame):
    """An employee sends an answer of the register, by id and version. It has no place to fill in."""

    type: Literal["answer"]
    session_id: Id
    client_id: Id = Field(description="The client's own id for this message; sending it again is the same message")
    answer: str = Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")
    version: int = Field(ge=1, le=100_000)
    seen_seq: Seq | None = Field(default=None, description="As in `send`")


class RegardPerson(ClientFrame):
    """An employee found how the person stands to what they ask about. A stranger gets the acknowledgement and nothing else."""

    type: Literal["regard"]
    session_id: Id
    standing: Literal["party", "stranger"]
    basis: Literal["asks-about-another", "identity-in-doubt", "authority-shown", "mistake"]


class AccompanyPerson(ClientFrame):
    """Somebody with a proven authority comes into the conversation of the person for whom they act."""

    type: Literal["accompany"]
    session_id: Id
    authority_id: Id = Field(description="The entry of the register of authorities")


class NoteBody(BaseModel):
    """A note among employees."""

    session_id: Id
    number: int = Field(description="Notes of a session count 1, 2, 3 …, apart from its entries")
    note_id: Id = Field(description="The `client_id` under which it was written")
    at: datetime
    participant_id: Id = Field(description="Who wrote it")
    display_name: str
    text: str = Field(repr=False)


class NoteFrame(NoteBody):
    """A note, for employees who have the session. Those from before come when they take it or come back."""

    type: Literal["note"] = "note"


class NoteKept(NoteBody):
    """A note as it is kept."""

    sort: Literal["note", "whisper", "monitored"] = Field(
        description="`whisper`: to the employee who had the session then"
    )
    addressee: Id | None = Field(default=None, description="To whom it was said; none: to all colleagues who have it")


class Notes(BaseModel):
    notes: list[NoteKept] = Field(description="In their order")
    next: int | None = Field(default=None, description="`after` of the next page; none when this was the last")


class AlarmOut(BaseModel):
    """A call for help."""

    alarm_id: Id
    at: datetime
    cause: AlarmCause
    agent: str
    office: str
    session_id: Id | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None


class AlarmFrame(AlarmOut):
    """For supervisors and security: a colleague calls for help. For the one who called: how it stands."""

    type: Literal["alarm"] = "alarm"
    state: Literal["raised", "escalated", "answered"]
    recorded: bool = Field(default=True, description="False while the database is out of reach: it follows")


class Alarms(BaseModel):
    alarms: list[AlarmOut] = Field(
        description="Of the last day, those that nobody answered first, then the newest first"
    )
    state: str = Field(description="Stands for them: sent with the next request, it says what is known already")


class Monitor(ClientFrame):
    """A supervisor listens to a conversation of somebody whom they supervise. Its customer never learns of it."""

    type: Literal["monitor"]
    session_id: Id
    purpose: WatchPurpose


class StopMonitoring(ClientFrame):
    type: Literal["unmonitor"]
    session_id: Id


class WriteWhisper(ClientFrame):
    """A supervisor who listens says something to the employee who has the conversation, and to nobody else."""

    type: Literal["whisper"]
    session_id: Id
    client_id: Id = Field(description="The client's own id for it; sending it again is the same whisper")
    text: Text


class StepIn(ClientFrame):
    """A supervisor who listens joins the conversation, for everybody to see."""

    type: Literal["enter"]
    session_id: Id


class Whisper(NoteBody):
    """What a supervisor says to the employee who has the conversation. `participant_id` is the supervisor's watch."""

    type: Literal["whisper"] = "whisper"


class Monitored(BaseModel):
    """For the employee, where the agency tells them: somebody begins to listen, or ends."""

    type: Literal["monitored"] = "monitored"
    session_id: Id
    state: Literal["began", "ended"]
