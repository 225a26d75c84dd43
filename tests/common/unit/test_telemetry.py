"""Nothing personal is rendered: not from fields, not from texts, not from exceptions, not by libraries."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common import telemetry
from common.settings import ServiceSettings
from common.telemetry import MASK, get_logger, mask
from common.testing import client_of
from common.web.app import create_app

SSN = "123-45-6789"


@pytest.fixture(autouse=True)
def logging_as_configured() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_pii_is_never_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.set_up(ServiceSettings(), "test")
    get_logger("t").info("seen", pii={"text": "my secret"}, nested=[{"display_name": "Ann"}], note=f"ssn {SSN}", n=3)
    (line,) = lines(capsys)
    assert line["pii"] == MASK
    assert line["nested"] == [{"display_name": MASK}]
    assert line["note"] == f"ssn {MASK}"
    assert (line["n"], line["service"], line["event"]) == (3, "test", "seen")


def test_an_exception_is_logged_by_class_and_place_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.set_up(ServiceSettings(), "test")
    try:
        raise ValueError(f"cannot parse {SSN} of Ann")
    except ValueError:
        get_logger("t").exception("failed")
    (line,) = lines(capsys)
    assert line["error"] == "ValueError"
    assert "test_telemetry.py" in str(line["at"])
    assert "Ann" not in json.dumps(line)
    assert SSN not in json.dumps(line)


MADE_BEFORE = """
from common import telemetry
from common.settings import ServiceSettings
from common.web import problems
telemetry.set_up(ServiceSettings(), "test")
def fail(full_name):
    raise ValueError(f"no place for {full_name}")
try:
    fail("Ann Example")
except ValueError as error:
    problems.log.error("failed", exc_info=error, pii=7)
"""


def test_a_logger_made_when_its_module_was_imported_masks_as_well() -> None:
    done = subprocess.run([sys.executable, "-c", MADE_BEFORE], capture_output=True, text=True, check=True)
    line = json.loads(done.stdout)
    assert (line["event"], line["part"], line["error"], line["pii"]) == ("failed", "web", "ValueError", MASK)
    assert "Ann" not in done.stdout + done.stderr


def test_libraries_log_through_the_same_mask(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.set_up(ServiceSettings(), "test")
    try:
        raise ValueError(f"row with {SSN}")
    except ValueError:
        logging.getLogger("some.library").exception("bad row %s", SSN)
    (line,) = lines(capsys)
    assert SSN not in json.dumps(line)
    assert line["error"] == "ValueError"


@given(st.recursive(st.text() | st.integers() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_masking_never_fails_and_always_finds_pii(value: object) -> None:
    assert mask({"pii": value, "other": [value, SSN]})["pii"] == MASK
    assert SSN not in json.dumps(mask({"other": [value, SSN]}))


def test_a_span_keeps_no_text_of_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(telemetry, "tracer", provider.get_tracer("test"))
    for span in (telemetry.request_span("GET", {}), telemetry.consume_span("g", [])):
        with pytest.raises(ValueError, match="Ann"), span:
            raise ValueError(f"Ann has {SSN}")
    assert [s.to_json() for s in kept.get_finished_spans()]
    assert not any(SSN in s.to_json() or "Ann" in s.to_json() for s in kept.get_finished_spans())


async def test_what_libraries_put_into_spans_of_their_own_is_not_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(telemetry, "tracer", provider.get_tracer("test"))
    async with client_of(
        create_app(title="t", description="d", routers=[], checks={}, settings=ServiceSettings())
    ) as client:
        await client.get("/livez", params={"name": SSN})
    (span,) = kept.get_finished_spans()
    assert (span.name, span.attributes) == ("GET /livez", {"http.route": "/livez", "http.response.status_code": 200})


def test_the_exporter_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "tracer", telemetry.tracer)
    telemetry.export_spans("http://127.0.0.1:9", "test")
    assert isinstance(telemetry.tracer, Tracer)
    assert not isinstance(trace.get_tracer_provider(), TracerProvider)
