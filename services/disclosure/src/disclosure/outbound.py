"""The route by which an office's mail program asks whether a message may go (S2 items 3 to 6). Nothing of it is kept."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from common.auth import Principal
from common.errors import FieldError, InvalidError
from common.pii.outbound import Agency, Answer, Violation, Warned, judge
from common.pii.outbound_message import Attachment, OutboundMessage
from common.pii.sanitising import Sanitised, sanitised
from common.pii.taxonomy import Taxonomy
from common.web.door import AtDoor, Guarded

router = APIRouter(prefix="/v1", tags=["outbound messages"], route_class=Guarded)

_EXAMPLE: Any = {
    "message": {
        "recipients": [{"address": "someone@outside.example", "group": "claimant"}],
        "sender": "examiner@agency.example",
        "subject": "Your letter of Monday",
        "body": "This is about John Smith 6789.",
        "persons": [{"id": "claimant", "given": ["John"], "family": "Smith"}],
    },
    "sanitise": True,
}


class JudgementIn(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    message: OutboundMessage
    sanitise: bool = Field(default=False, description="Also give the message without what keeps it from going")


class SanitisedOut(BaseModel):
    """The parts that were given, without what keeps the message from going; a mark stands for each thing removed."""

    subject: str
    body: str
    quoted: tuple[str, ...]
    attachments: tuple[Attachment, ...]
    may_go: bool
    left_out: tuple[str, ...] = Field(description="Places of attachments that cannot be altered and do not go along")
    instead: tuple[str, ...] = Field(description="Channels for what was removed or left out, if it is needed")

    @classmethod
    def of(cls, clean: Sanitised) -> Self:
        parts = clean.message
        return cls(
            subject=parts.subject,
            body=parts.body,
            quoted=parts.quoted,
            attachments=parts.attachments,
            may_go=clean.answer.judgement == "allow",
            left_out=clean.left_out,
            instead=clean.instead,
        )


class JudgementOut(BaseModel):
    """Allow, or block with each rule that is broken. Findings say kind and place, never what was found."""

    judgement: str
    audience: str = Field(description="inside: the message stays on the agency's own network")
    rules_version: str
    violations: tuple[Violation, ...]
    warnings: tuple[Warned, ...]
    sanitised: SanitisedOut | None

    @classmethod
    def of(cls, answer: Answer, clean: Sanitised | None) -> Self:
        return cls(
            judgement=answer.judgement,
            audience=answer.audience,
            rules_version=answer.rules_version,
            violations=answer.violations,
            warnings=answer.warnings,
            sanitised=SanitisedOut.of(clean) if clean else None,
        )


class Rules:
    """What messages are judged by: the kinds in force, and what is the agency's own."""

    def __init__(self, request: Request) -> None:
        self.taxonomy: Taxonomy = request.app.state.taxonomy
        self.agency: Agency = request.app.state.agency


@router.post(
    "/outbound-judgements", operation_id="outbound.judge", summary="May this message go? If not, why, and what else?"
)
async def judge_message(door: AtDoor, rules: Annotated[Rules, Depends()], body: JudgementIn) -> JudgementOut:
    """Judge an e-mail, or another message, before it is sent. Nothing is sent or kept here.

    Names are recognised as the known names of `persons`; numbers, dates of birth, addresses and the like also by their form.
    What is encoded (HTML, archives, scans) has to come as the text that a reader sees; an attachment in the clear whose
    `text` is null is not let out.
    """
    _check(body.message, rules.taxonomy)
    message = _as_attested(body.message, door.principal)
    # Long texts take a while; the loop serves others meanwhile.
    answer = await run_in_threadpool(judge, message, rules.agency, taxonomy=rules.taxonomy)
    clean = None
    if body.sanitise:
        clean = await run_in_threadpool(sanitised, message, rules.agency, taxonomy=rules.taxonomy)
    async with door.open("outbound.judge", fields=sorted({finding.kind for finding in answer.offending})):
        return JudgementOut.of(answer, clean)


def _as_attested(message: OutboundMessage, caller: Principal) -> OutboundMessage:
    """The message with the device as it is attested: by the mail program, or by the token of an employee who asks for
    themselves. What an employee only says of their device does not count (S2-031).
    """
    attested = "case_system" in caller.roles or caller.claims.get("managed_device") is True
    return message if attested else message.model_copy(update={"managed_device": False})


def _check(message: OutboundMessage, taxonomy: Taxonomy) -> None:
    """Raises InvalidError: something is said to be of a kind that is not known; it is not repeated."""
    told = "names a kind that is not known; GET /v1/registers/pii-kinds lists them"
    wrong = [
        FieldError(f"message.persons.{n}.known", told)
        for n, person in enumerate(message.persons)
        if not set(person.known) <= set(taxonomy.types)
    ]
    held = {kind for attachment in _all(message.attachments) for kind in attachment.holds}
    if not held <= set(taxonomy.types):
        wrong.append(FieldError("message.attachments", told))
    if wrong:
        raise InvalidError("the message cannot be judged", errors=wrong)


def _all(attachments: tuple[Attachment, ...]) -> list[Attachment]:
    return [each for attachment in attachments for each in (attachment, *_all(attachment.attachments))]
