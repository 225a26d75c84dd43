"""Each service withstands what its own description allows a caller to send, and answers as the description says.

Requests are made up by schemathesis from the OpenAPI document, sent over HTTP as several roles, and derandomized: the same
requests in each run, so that a red run can be repeated. What it finds is a bug of the service or of its description.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from chat_gateway.settings import ChatGatewaySettings
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer, MemoryKeyring, serving
from disclosure.settings import DisclosureSettings
from production.settings import ProductionSettings
from transcripts.settings import TranscriptsSettings

PLENTY = dict.fromkeys(("reads", "searches", "writes", "exports", "programs", "terminal", "failures"), "1000000/60")
EXAMPLES = 40
ASKED = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


@dataclass(frozen=True)
class Kind:
    """How a service is put together, and who calls it."""

    settings: type[ServiceSettings]
    keyring: bool
    roles: tuple[str, ...]
    purposes: tuple[str, ...]


KINDS = {
    "chat_gateway": Kind(ChatGatewaySettings, True, ("customer", "agent"), ("program-administration",)),
    "transcripts": Kind(TranscriptsSettings, True, ("supervisor", "auditor", "customer"), ("audit", "quality-review")),
    "production": Kind(
        ProductionSettings, True, ("case_system", "supervisor", "office_admin"), ("performance-assessment",)
    ),
    "disclosure": Kind(DisclosureSettings, False, ("privacy_officer", "analyst"), ("decision-review", "audit")),
    "retention": Kind(ServiceSettings, False, ("records_officer", "auditor"), ("records-management", "audit")),
}


@pytest.mark.slow
@pytest.mark.parametrize("service", KINDS)
async def test_nothing_that_is_described_breaks_it(
    service: str,
    service_db: Callable[[str], Awaitable[str]],
    issuer: Issuer,
    key_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = KINDS[service]
    for name, value in issuer.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MUNIMENT_KEY_FOLDER", str(key_folder))
    settings = kind.settings(database_url=await service_db(service), rate_limits=PLENTY)
    clock = FixedClock()
    more: dict[str, Any] = {"clock": clock} | ({"keyring": MemoryKeyring()} if kind.keyring else {})
    app = import_module(f"{service}.app").make_app(settings, **more)
    callers = [issuer.headers(role) | {"Purpose-Of-Use": p} for role in kind.roles for p in ("", *kind.purposes)]
    callers += [{}, {"Authorization": "Bearer a.b.c"}]
    async with serving(app, settings) as port:
        found = await asyncio.to_thread(_try, f"http://127.0.0.1:{port}/openapi.json", callers)
    assert not found, "\n\n".join(found)


def _try(url: str, callers: list[dict[str, str]]) -> list[str]:
    """What went wrong, each operation's first failure."""
    load_all_checks()
    checks: Any = CHECKS.get_by_names(ASKED)
    schema = schemathesis.openapi.from_url(url)
    found = []
    for described in schema.get_all_operations():
        operation = cast("Ok[Any]", described).ok()

        @hypothesis_settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), headers=st.sampled_from(callers))
        def run(case: schemathesis.Case[Any], headers: dict[str, str]) -> None:
            response = case.call(headers={name: value for name, value in headers.items() if value}, timeout=60)
            case.validate_response(response, checks=checks)

        try:
            run()
        except Exception as error:  # noqa: BLE001 - every kind of failure is told, and the next operation tried
            found.append(f"{operation.label}: {error}"[:1500])
        except BaseExceptionGroup as group:
            found += [f"{operation.label}: {one}"[:1500] for one in group.exceptions]
    return found
