"""Apache Kafka on this machine from its published jars: one node, broker and controller in one process (KRaft).

It listens on loopback only, knows every principal by password (SASL/PLAIN), and lets each do what `topics.yaml` says
and nothing else: topics are never made by writing to them.
"""

import hashlib
import os
import re
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from muniment.errors import PlainError
from muniment.home import CHECKOUT, PRINCIPALS, Home, write_private
from muniment.processes import LOOPBACK, ProcessSpec, Ready, find_program, inherited_environment

POM = CHECKOUT / "deploy" / "kafka" / "pom.xml"
OLDEST_JAVA = 17
HEAP = ("-Xms96m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
FETCH_SECONDS = 600

LOGGING = """status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
    "inter.broker.listener.name": "CLIENT",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "sasl.mechanism.controller.protocol": "PLAIN",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin",
    "auto.create.topics.enable": "false",
    # One node: every internal topic has one copy, and few partitions are plenty.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "10",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Members come one by one when the platform starts; waiting for more of them only delays the first event.
    "group.initial.rebalance.delay.ms": "0",
    "log.segment.bytes": str(64 * 2**20),
    # The default cleaner buffer alone is a quarter of this heap.
    "log.cleaner.dedupe.buffer.size": str(16 * 2**20),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
}


@dataclass(frozen=True, slots=True)
class Program:
    """The Java that runs Kafka and the folder of Kafka's jars."""

    java: Path
    jars: Path

    def command(self, main: str, *arguments: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
        return (str(self.java), *options, "-cp", f"{self.jars}/*", main, *arguments)


def find_java() -> Path:
    """A Java 17 or later: from JAVA_HOME, else from PATH.

    Raises:
        PlainError: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    java = Path(home) / "bin" / "java" if home else find_program("java")
    if java is None or not java.exists():
        raise PlainError("Kafka needs Java 17 or later and there is none here: install it (openjdk-17-jre-headless).")
    asked = subprocess.run([str(java), "-version"], check=False, capture_output=True, text=True)
    found = re.search(r'version "(\d+)', asked.stderr + asked.stdout)
    if found is None or int(found.group(1)) < OLDEST_JAVA:
        version = found.group(1) if found else "of an unknown version"
        raise PlainError(
            f"Kafka needs Java {OLDEST_JAVA} or later, and {java} is Java {version}: name another with JAVA_HOME."
        )
    return java


def fetch(home: Home) -> Program:
    """Kafka's jars, fetched once and kept until the pom asks for others.

    Raises:
        PlainError: no Java, no Maven, or the jars cannot be had.
    """
    java = find_java()
    wanted = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    jars = home.engines / f"kafka-{wanted}"
    if not jars.exists():
        maven = find_program("mvn")
        if maven is None:
            raise PlainError("Kafka's jars are fetched with Maven and there is none here: install it (maven).")
        home.engines.mkdir(parents=True, exist_ok=True)
        beside = home.engines / f".kafka-{wanted}-{os.getpid()}"
        try:
            _copy_dependencies(maven, beside)
            beside.rename(jars)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return Program(java, jars)


def _copy_dependencies(maven: Path, target: Path) -> None:
    argv = [
        str(maven),
        "-q",
        "-B",
        "-f",
        str(POM),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={target}",
    ]
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        raise PlainError(f"Kafka's jars could not be fetched within {FETCH_SECONDS} s: try again.") from None
    if done.returncode != 0 or not target.exists():
        lines = [line for line in done.stdout.splitlines() if "ERROR" in line] or ["no reason given"]
        reason = re.sub(r"\x1b\[[0-9;]*m", "", lines[0]).removeprefix("[ERROR] ")
        raise PlainError(f"Kafka's jars cannot be fetched: {reason}")


@dataclass(frozen=True, slots=True)
class Node:
    """One Kafka node: where its data lies, its two ports, and the password of every principal (and of `admin`)."""

    folder: Path
    port: int
    controller_port: int
    passwords: Mapping[str, str]

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def properties(self) -> Path:
        return self.folder / "server.properties"

    def prepare(self, program: Program) -> None:
        """Write the configuration and format the storage, unless it is formatted.

        Raises:
            PlainError: the storage cannot be formatted.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.properties, self.configuration(self.data))
        (self.folder / "log4j2.properties").write_text(LOGGING)
        if (self.data / "meta.properties").exists():
            return
        if self.data.exists() and any(self.data.iterdir()):
            raise PlainError(
                f"Kafka's data folder {self.data} is damaged (no meta.properties in it): restore it from a "
                f"backup, "
                f"or delete all data and begin anew with `.venv/bin/muniment reset --yes`."
            )
        argv = program.command("kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", str(self.properties))
        done = subprocess.run(argv, check=False, capture_output=True, text=True, env=inherited_environment())
        if done.returncode != 0:
            reason = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no reason given"]
            shutil.rmtree(self.data, ignore_errors=True)
            raise PlainError(f"Kafka's data folder {self.data} cannot be formatted: {reason[-1]}")

    def configuration(self, data: Path | str, *, listen: str = LOOPBACK) -> str:
        """The text of server.properties."""
        users = " ".join(f'user_{name}="{self.passwords[name]}"' for name in ("admin", *PRINCIPALS))
        login = (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'username="admin" password="{self.passwords["admin"]}" {users};'
        )
        places = {
            "controller.quorum.voters": f"1@{LOOPBACK}:{self.controller_port}",
            "listeners": f"CLIENT://{listen}:{self.port},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"CLIENT://{LOOPBACK}:{self.port}",
            "listener.name.client.plain.sasl.jaas.config": login,
            "listener.name.controller.plain.sasl.jaas.config": login,
            "log.dirs": str(data),
        }
        return "".join(f"{name}={_escaped(value)}\n" for name, value in (SETTINGS | places).items())

    def spec(self, program: Program) -> ProcessSpec:
        """How to run the server."""
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        argv = program.command("kafka.Kafka", str(self.properties), options=(*HEAP, logging))
        return ProcessSpec(
            name="kafka", argv=argv, cwd=str(self.folder), ready=Ready("tcp", self.port), stop_seconds=30
        )


def new_cluster_id() -> str:
    """A random UUID as Kafka writes it (base64, 22 characters), never one that its own tools would take for an option."""
    while (text := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _escaped(value: str) -> str:
    """As Java reads properties: Latin-1, and a backslash begins an escape."""
    return "".join(char if char.isascii() else f"\\u{ord(char):04x}" for char in value.replace("\\", "\\\\"))
