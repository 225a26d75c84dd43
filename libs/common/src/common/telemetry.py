"""Logs (structlog), traces (OpenTelemetry) and the rule that no person's value reaches either.

Telemetry degrades and never crashes its host, and masks more rather than less: the value of any key named in
`PERSONAL` is replaced wherever it stands, and anything that looks like a social security number is blotted out of text.
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common.settings import ServiceSettings

MASK = "[withheld]"
PERSONAL = frozenset(
    {
        "pii", "text", "body", "name", "display_name", "full_name", "first_name", "last_name", "email", "phone", "address",
        "ssn", "birth_date", "date_of_birth", "account_id", "pin", "employee_pin", "case_number", "a_number", "token",
        "authorization", "password", "value",
    }
)  # fmt: skip
_SSN = re.compile(r"(?<!\d)\d{3}[- ]?\d{2}[- ]?\d{4}(?!\d)")
_PROPAGATOR = TraceContextTextMapPropagator()
_LINKS = 32
# A span would keep the text of an exception that passes it, and that text may quote what it stumbled over.
_NO_TEXTS: Any = {"record_exception": False, "set_status_on_exception": False}

tracer = trace.get_tracer("muniment")


def get_logger(name: str) -> Any:
    """A logger that takes its configuration when it is used.

    Modules make theirs when they are imported, which is before `set_up`: one that were bound at once would keep the
    library's own processors, which render the local variables of a traceback.
    """
    return structlog.get_logger(part=name)


def mask(value: Any) -> Any:
    """The same value with everything personal replaced."""
    if isinstance(value, Mapping):
        return {k: MASK if str(k).lower() in PERSONAL else mask(v) for k, v in value.items()}
    if isinstance(value, str):
        return _SSN.sub(MASK, value)
    if isinstance(value, bytes | bytearray):
        return MASK
    if isinstance(value, list | tuple | set):
        return [mask(v) for v in value]
    if isinstance(value, int | float | bool) or value is None:
        return value
    return _SSN.sub(MASK, str(value))


def _mask_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return dict(mask(event))


def _add_trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event


def _class_of_error(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception is logged as its class and the places it passed; its text may quote what it stumbled over."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        places, step = [], error.__traceback__
        while step is not None:
            code = step.tb_frame.f_code
            places.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{step.tb_lineno} {code.co_name}")
            step = step.tb_next
        event["at"] = places[-6:]
    return event


def set_up(settings: ServiceSettings, service: str) -> None:
    """Configure logs and traces for this process. Called once, by its entry point."""
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
        if settings.log_format == "console"
        else structlog.processors.JSONRenderer()
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        _class_of_error,
        _mask_event,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Libraries log through the standard module: the same processors, warnings and worse only.
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[
        structlog.stdlib.ProcessorFormatter.remove_processors_meta, _mask_event, renderer,
    ]))  # fmt: skip
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    structlog.contextvars.bind_contextvars(service=service)
    if settings.otlp_endpoint:
        export_spans(settings.otlp_endpoint, service)


def export_spans(endpoint: str, service: str) -> None:
    """Send the spans of this module, and no others, to a collector (OTLP over HTTP).

    The process's global provider stays empty: libraries that instrument themselves put whole addresses and queries into
    their spans, and those may be a person's words.
    """
    global tracer  # noqa: PLW0603 - one a process, like the log's configuration
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("muniment")


def current_traceparent() -> str:
    """The W3C trace context of the present span, or empty."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


def current_trace_id() -> str:
    """The present trace's id (32 hexadecimal digits), or empty."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def work_span(name: str) -> AbstractContextManager[trace.Span]:
    """A span for a piece of work within the process."""
    return tracer.start_as_current_span(name, **_NO_TEXTS)


@contextmanager
def request_span(name: str, headers: Mapping[str, str]) -> Iterator[trace.Span]:
    """A server span that goes on the caller's trace, if the caller sent one."""
    context = _PROPAGATOR.extract({k: headers[k] for k in ("traceparent", "tracestate") if k in headers})
    with tracer.start_as_current_span(name, context=context, kind=trace.SpanKind.SERVER, **_NO_TEXTS) as span:
        yield span


@contextmanager
def consume_span(group: str, traceparents: Sequence[str]) -> Iterator[trace.Span]:
    """One span a batch, linked to the traces that its events came from (the first few distinct ones)."""
    links = []
    for parent in list(dict.fromkeys(p for p in traceparents if p))[:_LINKS]:
        context = trace.get_current_span(_PROPAGATOR.extract({"traceparent": parent})).get_span_context()
        if context.is_valid:
            links.append(trace.Link(context))
    with tracer.start_as_current_span(
        f"consume {group}", links=links, kind=trace.SpanKind.CONSUMER, **_NO_TEXTS
    ) as span:
        yield span
