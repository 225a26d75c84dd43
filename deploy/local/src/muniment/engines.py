"""Which engines a platform stands on, where they listen, and how each is run."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from common.audit.heads import PUBLIC_KEYS, make_missing_keys
from common.protection.key_file import make_key_file
from common.protection.making import EVENTS, key_file
from muniment import kafka, postgres, redis
from muniment.errors import PlainError
from muniment.home import SERVICES, Home, passwords, read_json, write_json
from muniment.plan import Unit
from muniment.processes import ProcessSpec, free_port, port_is_free

EventLog = Literal["postgres", "kafka"]
SAID = {"postgres": "PostgreSQL", "kafka": "Apache Kafka"}


@dataclass(frozen=True, slots=True)
class Engines:
    """Engines made ready to be started: their processes, and where clients find them."""

    event_log: EventLog
    units: tuple[Unit, ...]
    admin_url: str
    kafka_bootstrap: str
    redis_url: str
    passwords: Mapping[str, str]
    keys: Path

    def database_url(self, role: str, database: str) -> str:
        """Address of a database under this role."""
        parts = urlsplit(self.admin_url)
        place = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{role}:{self.passwords[role]}@{place}", path=f"/{database}"))

    def audit_settings(self, service: str) -> dict[str, str]:
        """What a service signs its audit heads with, and what it checks those of others with."""
        folder = self.keys / "audit"
        return {
            "MUNIMENT_AUDIT_KEY_FILE": str(folder / f"{service}.pem"),
            "MUNIMENT_AUDIT_KEYS": str(folder / PUBLIC_KEYS),
            "MUNIMENT_AUDIT_TERM_KEY": self.passwords["audit_terms"],
        }

    def broker_settings(self, principal: str) -> dict[str, str]:
        """What a service's environment says of the event log."""
        if self.event_log == "postgres":
            return {"MUNIMENT_BROKER": "postgres", "MUNIMENT_BROKER_URL": self.database_url(principal, "event_log")}
        return {
            "MUNIMENT_BROKER": "kafka",
            "MUNIMENT_BROKER_URL": self.kafka_bootstrap,
            "MUNIMENT_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "MUNIMENT_KAFKA_SASL_MECHANISM": "PLAIN",
            "MUNIMENT_KAFKA_USERNAME": principal,
            "MUNIMENT_KAFKA_PASSWORD": self.passwords[principal],
        }

    @property
    def preparation(self) -> ProcessSpec:
        """What makes roles, databases, topics and access rules, once the engines run."""
        work = {
            "admin_url": self.admin_url,
            "event_log_url": self.database_url("event_log", "event_log"),
            "keyring_url": self.database_url("keyring", "keyring"),
            "kafka_bootstrap": self.kafka_bootstrap,
            "passwords": dict(self.passwords),
        }
        argv = (sys.executable, "-P", "-m", "muniment.preparation")
        return ProcessSpec("preparation", argv, stdin=json.dumps(work))

    def addresses(self) -> dict[str, str]:
        """Where the engines listen, without passwords."""
        found = {"postgres": urlsplit(self.admin_url).netloc.rpartition("@")[2]}
        if self.kafka_bootstrap:
            found["kafka"] = self.kafka_bootstrap
        if self.redis_url.startswith("redis://"):
            found["redis"] = self.redis_url.rpartition("@")[2]
        return found


def make_ready(home: Home, event_log: EventLog) -> Engines:
    """Fetch what is missing, make data folders, choose ports. Nothing is started yet.

    Raises:
        PlainError: an engine cannot be had here, or its data folder cannot be used.
    """
    # What is missing on this machine is said before anything is made.
    program = kafka.fetch(home) if event_log == "kafka" else None
    if program is not None:
        redis.fetch(home)
    secrets = passwords(home)
    units: list[Unit] = []
    named = postgres.named_server()
    if named is None:
        cluster = postgres.cluster_of(home)
        cluster.create(secrets["admin"])
        port = kept_port(home, "postgres")
        admin_url = postgres.url("admin", secrets["admin"], port, "postgres")
        units.append(Unit("postgres", (), (cluster.spec(port),)))
    else:
        admin_url = _checked(*named)
    bootstrap, redis_url = "", "memory://"
    if program is not None:
        node = kafka.Node(home.kafka, kept_port(home, "kafka"), kept_port(home, "kafka_controller"), secrets)
        node.prepare(program)
        redis_port = kept_port(home, "redis")
        units.append(Unit("kafka", (), (node.spec(program),)))
        units.append(Unit("redis", (), (redis.spec(home, redis_port, secrets["redis"]),)))
        bootstrap, redis_url = node.bootstrap, redis.url(redis_port, secrets["redis"])
    make_key_files(home)
    return Engines(event_log, tuple(units), admin_url, bootstrap, redis_url, secrets, home.keys)


def make_key_files(home: Home) -> None:
    """The wrapping keys of the keyring and of each service's columns, and what audit heads are signed with, made once."""
    make_missing_keys(home.keys / "audit", SERVICES)
    for name in (EVENTS, *SERVICES):
        make_key_file(key_file(home.keys, name))


def _checked(url: str, variable: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname:
        raise PlainError(
            f"{variable} is not an address of a PostgreSQL server (postgresql://user:password@host/database)."
        )
    return url


def kept_port(home: Home, engine: str) -> int:
    """The port of this engine: chosen free once and kept; chosen anew when another program has taken it since."""
    choices = read_json(home.choices)
    ports: dict[str, Any] = choices.setdefault("ports", {})
    port = ports.get(engine)
    if not isinstance(port, int) or not port_is_free(port):
        port = free_port()
        while port in ports.values():
            port = free_port()
        ports[engine] = port
        write_json(home.choices, choices)
    return port


def wanted_event_log(home: Home, asked: str | None) -> EventLog:
    """Which engine holds the event log: what was asked for, else what this state folder has, else PostgreSQL.

    Events on their way in one log do not move to another, and consumers' positions neither: a state folder keeps the
    engine it began with.

    Raises:
        PlainError: there is no such engine, or the state folder has another.
    """
    kept = read_json(home.choices).get("event_log")
    wanted = asked or os.environ.get("MUNIMENT_ENGINES") or kept or "postgres"
    if wanted not in ("postgres", "kafka"):
        raise PlainError(f"There are no engines called {wanted}: ENGINES is `postgres` (the default) or `kafka`.")
    if kept is not None and wanted != kept:
        raise PlainError(
            f"The event log of {home.path} is kept by {SAID[kept]}, and events on their way do not move to "
            f"{SAID[wanted]}: leave ENGINES out, or begin another platform with MUNIMENT_HOME=<another folder>."
        )
    return "kafka" if wanted == "kafka" else "postgres"


def remember_event_log(home: Home, event_log: EventLog) -> None:
    """From now on this state folder's event log is kept by this engine."""
    choices = read_json(home.choices)
    if choices.get("event_log") != event_log:
        write_json(home.choices, choices | {"event_log": event_log})
