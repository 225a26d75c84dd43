"""A message on its way out of the office, with what has to be known to judge it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.pii.particulars import Person

Channel = Literal["email", "secured-portal", "fax", "mail", "courier", "telephone", "portable-media"]
Group = Literal[
    "employee", "contractor", "claimant", "representative", "physician", "congress", "resource-centre",
    "corporate-verifier", "niosh", "doe", "bill-agent", "other",
]  # fmt: skip

TEXT = 200_000
"""The longest text of one part, in characters: some fifty pages."""

_DEEPEST = 20


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Recipient(Part):
    """Whom it goes to. `group` chooses other channels and asks for the member id; it never lets anything pass."""

    address: str = Field(repr=False, description="The bare address, without a display name")
    group: Group = "other"


class Attachment(Part):
    """Something that goes along.

    Attributes:
        name: file name; it is readable even where the content is encrypted.
        text: what can be read in it; None: its text could not be taken out, so nobody can say what it holds.
        encrypted: its content, attachments included, is encrypted to the department's standard.
        holds: kinds of the taxonomy that it is known to hold, where no text would show them (an X-ray image).
    """

    name: str = Field(default="", max_length=255, repr=False)
    media_type: str = "text/plain"
    text: str | None = Field(default=None, max_length=TEXT, repr=False)
    encrypted: bool = False
    holds: tuple[str, ...] = ()
    attachments: tuple["Attachment", ...] = ()

    @property
    def is_readable(self) -> bool:
        return self.text is not None or bool(self.attachments)


class Media(Part):
    """What something is carried on.

    Attributes:
        necessity: mark under which the finding is filed that portable media are needed; empty: nobody found so.
    """

    encrypted: bool = False
    necessity: str = ""


class OutboundMessage(Part):
    """What somebody is about to send.

    Attributes:
        managed_device: the sender works on the agency's own, properly configured equipment, as the device attests it.
        portal: name of the secured site, where that is the channel.
        body: the sender's own words, as text; quoted: what is quoted or forwarded, newest first, headers of each included.
        persons: whom it is about, with the particulars by which they can be recognised.
        sender: the sender's own address.
    """

    channel: Channel = "email"
    recipients: tuple[Recipient, ...] = Field(default=(), max_length=200)
    sender: str = Field(default="", repr=False)
    managed_device: bool = False
    portal: str = ""
    media: Media | None = None
    subject: str = Field(default="", max_length=2_000, repr=False)
    body: str = Field(default="", max_length=TEXT, repr=False)
    quoted: tuple[Annotated[str, Field(max_length=TEXT)], ...] = Field(default=(), max_length=50, repr=False)
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=50)
    persons: tuple[Person, ...] = Field(default=(), max_length=50)
    is_forward: bool = False
    is_reply: bool = False

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        ids = [person.id for person in self.persons]
        if len(ids) != len(set(ids)):
            raise ValueError("persons: an id stands twice")
        for _ in attachments_of(self.attachments):
            pass
        return self


@dataclass(frozen=True, slots=True)
class Piece:
    """One readable text of a message, and where it is."""

    place: str
    text: str = ""


def attachments_of(listed: tuple[Attachment, ...], inside: str = "") -> Iterator[tuple[str, Attachment, bool]]:
    """Each attachment with its place, attachments of attachments too, and whether its content is encrypted.

    Raises:
        ValueError: they lie in one another deeper than anybody would look.
    """
    waiting = [(f"{inside}attachments[{n}]", a, False, 0) for n, a in enumerate(listed)]
    while waiting:
        place, attachment, covered, depth = waiting.pop(0)
        if depth > _DEEPEST:
            raise ValueError("attachments: they lie too deep in one another")
        hidden = covered or attachment.encrypted
        yield place, attachment, hidden
        waiting += [
            (f"{place}.attachments[{n}]", inner, hidden, depth + 1) for n, inner in enumerate(attachment.attachments)
        ]


def pieces(message: OutboundMessage) -> Iterator[Piece]:
    """Every text that whoever opens the message on its way can read: encrypted content is left out, file names are not.

    Names of what lies inside an encrypted attachment are inside of it.
    """
    yield Piece("subject", message.subject)
    yield Piece("body", message.body)
    yield from (Piece(f"quoted[{n}]", text) for n, text in enumerate(message.quoted))
    for place, attachment, hidden in attachments_of(message.attachments):
        if not hidden or not _is_inside(place, message):
            yield Piece(f"{place}.name", attachment.name)
        if not hidden:
            yield Piece(f"{place}.text", attachment.text or "")


def _is_inside(place: str, message: OutboundMessage) -> bool:
    """Whether one of the attachments around this one is encrypted."""
    steps = [int(step.split("]")[0]) for step in place.split("attachments[")[1:]]
    listed = message.attachments
    for step in steps[:-1]:
        if listed[step].encrypted:
            return True
        listed = listed[step].attachments
    return False
