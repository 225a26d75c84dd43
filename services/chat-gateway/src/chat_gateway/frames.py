"""Reading and writing frames where every microsecond counts; `schemas` says what they hold, and tests hold both together."""

from collections.abc import Sequence
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError

from chat_gateway.answering_schemas import CheckDraft, WriteNote, WriteWhisper
from chat_gateway.drafts import SessionState
from chat_gateway.errors import FrameTooLargeError, MalformedFrameError, TextTooLongError
from chat_gateway.model import Receipt
from chat_gateway.notice import Statement
from chat_gateway.schemas import CLIENT_FRAMES, AnyClientFrame, Closed, ErrorFrame, Notice, Send, from_client
from chat_gateway.wire import MAX_FRAME_BYTES, MAX_TEXT_BYTES
from common.errors import FieldError, MunimentError
from common.telemetry import PERSONAL

_KNOWN = PERSONAL | {"id", "sub", "user_id", "role", "roles", "type"}
_KNOWN |= {name for kind in CLIENT_FRAMES for name in kind.model_fields}
WITH_TEXT = (Send, WriteNote, WriteWhisper, CheckDraft)
_validate = from_client.validate_json


def read(text: str) -> AnyClientFrame:
    """A client's frame.

    Raises:
        FrameTooLargeError, TextTooLongError, MalformedFrameError: the text names the field and the rule, never a value.
    """
    if len(text) * 4 > MAX_FRAME_BYTES and len(text.encode()) > MAX_FRAME_BYTES:
        raise FrameTooLargeError(MAX_FRAME_BYTES)
    try:
        frame = _validate(text)
    except ValidationError as error:
        raise _explained(error) from None
    if (
        isinstance(frame, WITH_TEXT)
        and len(frame.text) * 4 > MAX_TEXT_BYTES
        and len(frame.text.encode()) > MAX_TEXT_BYTES
    ):
        raise TextTooLongError(MAX_TEXT_BYTES)
    return frame


def _explained(error: ValidationError) -> MunimentError:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    if any(e["type"] == "string_too_long" and e["loc"][-1:] == ("text",) for e in found):
        return TextTooLongError(MAX_TEXT_BYTES)
    errors = [FieldError(_field(e["loc"]), e["type"].replace("_", "-")) for e in found[:5]]
    said = "; ".join(f"{e.field}: {e.message}" for e in errors)
    return MalformedFrameError(
        f"the frame is not as the protocol says: {said}",
        errors=errors,
        missing=[e.field for e in errors if e.message == "missing"],
    )


def _field(place: tuple[int | str, ...]) -> str:
    """The name of the field. A name that the client made up may hold anything, so only known ones are said."""
    name = str(place[-1]) if place else "frame"
    return name if name in _KNOWN else "frame"


def ids_in(text: str) -> dict[str, str]:
    """The ids by which a refused frame can be told from others, where they are ids."""
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    found = {}
    for name in ("session_id", "client_id"):
        try:
            found[name] = str(UUID(frame[name]))
        except (TypeError, KeyError, ValueError, AttributeError):
            continue
    return found


def write(frame: BaseModel) -> str:
    return frame.model_dump_json(exclude_none=True)


def error(problem: MunimentError, ids: dict[str, str]) -> str:
    """The error frame of a refusal. `ids` are echoed, being ids; nothing else of the client is."""
    field = problem.errors[0].field if problem.errors else (problem.missing[0] if problem.missing else None)
    return write(
        ErrorFrame(
            code=problem.kind,
            status=problem.status,
            detail=problem.detail,
            field=field,
            retryable=problem.retryable,
            session_id=ids.get("session_id"),
            client_id=ids.get("client_id"),
            **{
                name: problem.more[name] for name in ("acr_values", "max_age", "rules", "seq") if problem.more.get(name)
            },
        )
    )


def ack(session_key: str, client_id: str, receipt: Receipt) -> str:
    return (
        f'{{"type":"ack","session_id":"{session_key}","client_id":"{client_id}","seq":{receipt.seq}'
        f',"digest":"{receipt.digest}","at":"{receipt.at}","salt":"{receipt.salt}"}}'
    )


def closed(state: SessionState) -> Closed:
    """The end of a closed session.

    Raises:
        ValueError: it is not closed.
    """
    if state.closing is None:
        raise ValueError("the session is not closed")
    reason = orjson.loads(state.closing.value)["reason"]
    return Closed(session_id=state.key, seq=state.last_seq, digest=state.digest, reason=reason)


def notice(statement: Statement, languages: Sequence[str]) -> Notice:
    """The statement as it is shown. `languages`: those in which this version can be had."""
    return Notice.model_validate(
        {
            "version": statement.version,
            "language": statement.language,
            "digest": statement.digest,
            "effective_from": statement.effective_from,
            "title": statement.title,
            "sections": [{"id": s.id, "heading": s.heading, "text": list(s.text)} for s in statement.sections],
            "languages": list(languages),
        }
    )
