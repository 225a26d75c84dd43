"""The engines of docker-compose.yml without Docker: this machine's own programs under the configuration of `deploy/`."""

import re
import subprocess
from collections.abc import Mapping

import asyncpg
from confluent_kafka.admin import AdminClient

from muniment import kafka, postgres, redis
from muniment.home import Home, find_home
from muniment.processes import LOOPBACK, ProcessSpec, Ready, Running, free_port
from tests.containers.compose import ROOT


class Databases:
    """An empty PostgreSQL, and the script that makes the services' databases in it."""

    def __init__(self, home: Home, dotenv: Mapping[str, str]) -> None:
        self._admin = dotenv["POSTGRES_PASSWORD"]
        self._words = {key: word for key, word in dotenv.items() if key.startswith("POSTGRES_")}
        cluster = postgres.cluster_of(home)
        cluster.create(self._admin)
        self._programs = cluster.binaries.folder
        self.port = free_port()
        self.running = Running(cluster.spec(self.port, fsync="off"), home.path / "postgres.log")

    def make(self, **words: str) -> "subprocess.CompletedProcess[str]":
        """Run the script; `words` are passwords that take the place of those in `.env`."""
        place = {"PGHOST": LOOPBACK, "PGPORT": str(self.port), "PGPASSWORD": self._admin, "POSTGRES_USER": "admin"}
        return subprocess.run(
            [str(ROOT / "deploy/postgres/databases.sh")],
            check=False,
            capture_output=True,
            text=True,
            env={**self._words, **words, **place, "PATH": f"{self._programs}:/usr/bin:/bin"},
        )

    async def connect(self, role: str, password: str, database: str) -> str:
        """Come in, and as the owner make a table; returns who one is there."""
        connection = await asyncpg.connect(postgres.url(role, password, self.port, database))
        try:
            if role.endswith("_owner"):
                await connection.execute("CREATE TABLE mine (id int); DROP TABLE mine")
            return str(await connection.fetchval("SELECT current_user"))
        finally:
            await connection.close()


class EventLog:
    """Kafka under deploy/kafka/server.properties, on other ports.

    Raises:
        PlainError: there is no Java or no Kafka to be had.
    """

    def __init__(self, home: Home, dotenv: Mapping[str, str]) -> None:
        program = kafka.fetch(find_home())
        self.port, controller = free_port(), free_port()
        self._words = {key: word for key, word in dotenv.items() if key.startswith("KAFKA_")}
        file = home.path / "server.properties"
        file.write_text(
            _changed(
                (ROOT / "deploy/kafka/server.properties").read_text(),
                {
                    "listeners": f"CLIENT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{controller}",
                    "advertised.listeners": f"CLIENT://{LOOPBACK}:{self.port}",
                    "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
                    "log.dirs": str(home.path / "kafka"),
                },
            )
        )
        options = ("format", "--ignore-formatted", "--cluster-id", dotenv["KAFKA_CLUSTER_ID"], "--config", str(file))
        storage = program.command("kafka.tools.StorageTool", *options)
        subprocess.run(storage, check=True, capture_output=True, env=self._words)
        logging = f"-Dlog4j2.configurationFile={ROOT / 'deploy/kafka/log4j2.properties'}"
        argv = program.command("kafka.Kafka", str(file), options=(*kafka.HEAP, logging))
        spec = ProcessSpec("kafka", argv, env=self._words, ready=Ready("tcp", self.port), stop_seconds=30)
        self.running = Running(spec, home.path / "kafka.log")

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def client(self, principal: str, *, password_of: str | None = None) -> AdminClient:
        """A connection as this principal; `password_of` another one's password, to be refused."""
        return AdminClient(
            {
                "bootstrap.servers": self.address,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "PLAIN",
                "sasl.username": principal,
                "sasl.password": self._words[f"KAFKA_{(password_of or principal).upper()}_PASSWORD"],
                "log_level": 0,
            }
        )

    def seen_by(self, principal: str, *, password_of: str | None = None) -> set[str]:
        """The topics that this principal is shown.

        Raises:
            KafkaException: the principal is not let in.
        """
        return set(self.client(principal, password_of=password_of).list_topics(timeout=5).topics)


class Cache:
    """Redis with the password of `.env`.

    Raises:
        PlainError: there is none to be had.
    """

    def __init__(self, home: Home, dotenv: Mapping[str, str]) -> None:
        self.port = free_port()
        spec = redis.spec(find_home(), self.port, dotenv["REDIS_PASSWORD"])
        self.running = Running(spec, home.path / "redis.log")


def _changed(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text, times = re.subn(rf"^{re.escape(name)}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert times == 1, name
    return text
