"""The whole platform as a plan for the supervisor: engines, then what they need, then the five services."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from common.auth import DEVELOPMENT_ISSUER
from muniment.databases import KEYRING, KEYRING_USERS
from muniment.engines import Engines
from muniment.errors import PlainError
from muniment.home import SERVICES
from muniment.plan import Plan, Unit
from muniment.processes import LOOPBACK, ProcessSpec, Ready, holder_of, port_is_free
from muniment.tokens import AUDIENCE

FIRST_PORT = 8001
WORKERS_AFTER = 10
REPLICAS_AFTER = 20
MOST_GATEWAYS = 8
STOP_AFTER_SECONDS = 20

NOT_FOR_SERVICES = (
    "MUNIMENT_HOME", "MUNIMENT_BASE_PORT", "MUNIMENT_GATEWAYS", "MUNIMENT_ADMIN_DATABASE_URL", "MUNIMENT_ENGINES",
    "MUNIMENT_REQUIRE_ENGINES", "MUNIMENT_RUN", "MUNIMENT_TEST_",
)  # fmt: skip


def first_port() -> int:
    """The port of the first service; the others follow, and the workers' health pages ten ports on.

    Raises:
        PlainError: MUNIMENT_BASE_PORT is no port.
    """
    text = os.environ.get("MUNIMENT_BASE_PORT") or str(FIRST_PORT)
    if not text.isdecimal() or not 1024 <= int(text) <= 65_000:  # noqa: PLR2004 - what needs no root, and fits
        raise PlainError(f"MUNIMENT_BASE_PORT is {text}: it must be a number from 1024 to 65000.")
    return int(text)


def gateways() -> int:
    """How many processes of the chat gateway serve side by side.

    Raises:
        PlainError: MUNIMENT_GATEWAYS is no such number.
    """
    text = os.environ.get("MUNIMENT_GATEWAYS") or "1"
    if not text.isdecimal() or not 1 <= int(text) <= MOST_GATEWAYS:
        raise PlainError(f"MUNIMENT_GATEWAYS is {text}: it must be a number from 1 to {MOST_GATEWAYS}.")
    return int(text)


def ports_of(first: int, gateways: int = 1) -> dict[str, int]:
    """The port of every process: `transcripts-api` and the like, `chat-gateway-api-2` and on for more gateways."""
    found = {f"{display(service)}-api": first + number for number, service in enumerate(SERVICES)}
    found |= {f"{display(service)}-worker": first + WORKERS_AFTER + number for number, service in enumerate(SERVICES)}
    return found | {
        f"{display(SERVICES[0])}-api-{number}": first + REPLICAS_AFTER + number - 2 for number in range(2, gateways + 1)
    }


def display(service: str) -> str:
    return service.replace("_", "-")


def check_ports(ports: Mapping[str, int]) -> None:
    """Refuse to start on a port that somebody else has.

    Raises:
        PlainError: names the port and, where it can be seen, who has it.
    """
    for name, port in ports.items():
        if not port_is_free(port):
            holder = holder_of(port)
            whose = f" by {holder}" if holder else ""
            raise PlainError(
                f"Port {port}, which {name} listens on, is taken{whose}: stop that program, or move the platform to "
                f"other "
                f"ports (MUNIMENT_BASE_PORT=8101 make up)."
            )


def platform_plan(engines: Engines, jwks: Path, ports: Mapping[str, int]) -> Plan:
    """Engines first, then roles, databases and topics, then each service: its migrations, its API, its worker."""
    services = tuple(
        _service_unit(service, engines, environment(service, engines, jwks), ports) for service in SERVICES
    )
    facts = {"event_log": engines.event_log, "engines": engines.addresses(), "ports": dict(ports)}
    preparation = Unit("preparation", (engines.preparation,))
    return Plan("platform", (engines.units, (preparation,), services), facts)


def migration_plan(engines: Engines, jwks: Path) -> Plan:
    """The engines for as long as the five databases are migrated."""
    tasks = tuple(
        Unit(display(service), (migration(service, engines, environment(service, engines, jwks)),))
        for service in SERVICES
    )
    return Plan("migration", (engines.units, (Unit("preparation", (engines.preparation,)),), tasks), {})


def engines_plan(engines: Engines) -> Plan:
    """The engines alone, with databases and topics."""
    facts = {"event_log": engines.event_log, "engines": engines.addresses(), "ports": {}}
    return Plan("engines", (engines.units, (Unit("preparation", (engines.preparation,)),)), facts)


def _service_unit(service: str, engines: Engines, settings: Mapping[str, str], ports: Mapping[str, int]) -> Unit:
    python = (sys.executable, "-P", "-m", service)
    name = display(service)
    processes = []
    replicas = [part for part in ports if part.startswith(f"{name}-api-")]
    for part in (f"{name}-api", *replicas, f"{name}-worker"):
        port = ports[part]
        processes.append(
            ProcessSpec(
                name=part,
                argv=(*python, "worker" if part.endswith("-worker") else "api"),
                env={**grant_settings(ports), **settings, "MUNIMENT_HOST": LOOPBACK, "MUNIMENT_PORT": str(port)},
                stop_seconds=STOP_AFTER_SECONDS + 5,
                ready=Ready("http", port, "/readyz"),
                ready_seconds=120,
                forked=True,
            )
        )
    return Unit(name, (migration(service, engines, settings),), tuple(processes))


def migration(service: str, engines: Engines, settings: Mapping[str, str]) -> ProcessSpec:
    """What brings the service's database to its newest version, under the role that owns the schema."""
    settings = {**settings, "MUNIMENT_DATABASE_URL": engines.database_url(f"{service}_owner", service)}
    argv = (sys.executable, "-P", "-m", service, "migrate")
    return ProcessSpec(f"{display(service)}-migrate", argv, env=settings, forked=True)


def key_settings(service: str, engines: Engines) -> dict[str, str]:
    """Where the keys are: key files, unless another key service was asked for, and the keyring for those who may."""
    found = {"MUNIMENT_KEY_FOLDER": str(engines.keys)}
    if service in KEYRING_USERS:
        found["MUNIMENT_KEYRING_URL"] = engines.database_url(service, KEYRING)
    return found


def grant_settings(ports: Mapping[str, int]) -> dict[str, str]:
    """Where the public keys of release grants are: at disclosure's own door, unless another place was asked for."""
    return {"MUNIMENT_GRANT_KEYS": f"http://{LOOPBACK}:{ports['disclosure-api']}/v1/keys"}


def environment(service: str, engines: Engines, jwks: Path) -> dict[str, str]:
    asked_for = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("MUNIMENT_") and not name.startswith(NOT_FOR_SERVICES)
    }
    return {
        "PYTHONUNBUFFERED": "1",
        # Two arenas instead of eight a core: memory of threads that come and go is given back.
        "MALLOC_ARENA_MAX": "2",
        "MUNIMENT_LOG_FORMAT": "console",
        **asked_for,
        "MUNIMENT_PROFILE": "embedded",
        "MUNIMENT_DATABASE_URL": engines.database_url(service, service),
        **engines.broker_settings(service),
        **engines.audit_settings(service),
        **key_settings(service, engines),
        "MUNIMENT_REDIS_URL": engines.redis_url,
        "MUNIMENT_ISSUER": DEVELOPMENT_ISSUER,
        "MUNIMENT_AUDIENCE": AUDIENCE,
        "MUNIMENT_JWKS": str(jwks),
        "MUNIMENT_STOP_AFTER_SECONDS": str(STOP_AFTER_SECONDS),
    }
