"""Problem details (RFC 9457): every refusal has one form, names the field or the missing fact, and quotes no value."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from common.errors import MunimentError, UnauthenticatedError, UnavailableError
from common.messaging.consumer import is_outage
from common.telemetry import PERSONAL, get_logger

TYPE_BASE = "https://muniment.dev/problems/"
MEDIA_TYPE = "application/problem+json"

log = get_logger("web")


class ProblemField(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457. `missing` names facts that the request has to show; `errors` says what is wrong by field."""

    type: str = Field(examples=[TYPE_BASE + "invalid"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="The correlation id of this request")
    missing: list[str] = []
    errors: list[ProblemField] = []


def described(meaning: str) -> dict[str, Any]:
    """A problem answer in the words of FastAPI's `responses`. (A `model` there would be described as plain JSON.)"""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    fields = schema.pop("$defs")["ProblemField"]
    schema["properties"]["errors"]["items"] = fields
    return {"description": meaning, "content": {MEDIA_TYPE: {"schema": schema}}}


def problem(
    request: Request,
    *,
    status: int,
    kind: str,
    title: str,
    detail: str,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    content = {
        "type": TYPE_BASE + kind,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": getattr(request.state, "correlation_id", ""),
        **{name: value for name, value in more.items() if value},
    }
    return JSONResponse(content, status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Give every failure of this app its problem answer."""

    @app.exception_handler(MunimentError)
    async def _refused(request: Request, error: MunimentError) -> JSONResponse:
        return _known(request, error)

    @app.exception_handler(RequestValidationError)
    async def _malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        named = [_field(e, known_names(request.app)) for e in error.errors()]
        fields = [{"field": name, "message": _message(e)} for name, e in zip(named, error.errors(), strict=True)]
        return problem(
            request,
            status=422,
            kind="invalid",
            title="The input is malformed or a rule is not met",
            detail=f"{len(fields)} field(s) are not as they must be: {', '.join(f['field'] for f in fields[:5])}",
            errors=fields,
            missing=[name for name, e in zip(named, error.errors(), strict=True) if e["type"] == "missing"],
        )

    @app.exception_handler(HTTPException)
    async def _plain(request: Request, error: HTTPException) -> JSONResponse:
        titles = {400: "The body cannot be read", 404: "There is no such thing", 405: "This method does not work here"}
        title = titles.get(error.status_code, "The request cannot be answered")
        kind = {400: "unreadable", 404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http")
        return problem(
            request,
            status=error.status_code,
            kind=kind,
            title=title,
            detail=title,
            headers=dict(error.headers or {}),
        )


def unforeseen(request: Request, error: Exception) -> JSONResponse:
    """The answer to a failure that no route foresaw. Its text stays here: it may quote what it stumbled over."""
    if isinstance(error, MunimentError):
        return _known(request, error)
    if is_outage(error):
        log.warning("web.engine_out_of_reach", error=type(error).__name__)
        return _known(request, UnavailableError("an engine is out of reach for now; nothing was done"))
    log.error("web.unforeseen", exc_info=error)
    return problem(
        request,
        status=500,
        kind="internal",
        title="Something went wrong here",
        detail="The failure was logged under this request's id",
    )


def _known(request: Request, error: MunimentError) -> JSONResponse:
    headers = {"Retry-After": "1"} if error.status in {429, 503} else {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = "Bearer"
    headers |= error.headers
    return problem(
        request,
        status=error.status,
        kind=error.kind,
        title=error.title,
        detail=error.detail,
        headers=headers,
        missing=list(error.missing),
        errors=[{"field": e.field, "message": e.message} for e in error.errors],
        **error.more,
    )


def known_names(app: FastAPI) -> frozenset[str]:
    """Names of fields that may be said: this application's own (from its OpenAPI document), and those of personal kinds
    that callers try to hand in.
    """
    found: frozenset[str] | None = getattr(app.state, "known_names", None)
    if found is None:
        found = app.state.known_names = frozenset(_names(app.openapi())) | PERSONAL
    return found


def _names(document: Any) -> Iterator[str]:
    if isinstance(document, list):
        for part in document:
            yield from _names(part)
    elif isinstance(document, dict):
        yield from document.get("properties", {})
        if "in" in document and isinstance(document.get("name"), str):
            yield document["name"]
        for part in document.values():
            yield from _names(part)


def _field(error: Any, known: frozenset[str]) -> str:
    """Where the error is. What the caller made up as a name may be anybody's name, and is not said again."""
    place, *parts = error["loc"]
    shown = [str(part) if isinstance(part, int) or part in known else "(unknown)" for part in parts]
    return ".".join([str(place), *shown])


def _message(error: Any) -> str:
    """Pydantic's own sentences name rules. The text of a plain ValueError may quote the input, so it stays here;
    a validator that has something to say raises `PydanticCustomError`.
    """
    return "not as its rule asks" if error["type"] in {"value_error", "assertion_error"} else str(error["msg"])
