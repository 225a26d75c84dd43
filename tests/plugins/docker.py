"""Kafka and Redis for the tests in containers, where a Docker engine answers."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache
from typing import Any

from muniment import kafka, kafka_access
from muniment.errors import PlainError
from muniment.home import Home, passwords
from muniment.processes import LOOPBACK, free_port

REDIS_IMAGE = "redis:8-alpine"
READY_SECONDS = 90


@cache
def answers() -> bool:
    """Whether a Docker engine can be reached. A client alone is not enough."""
    if shutil.which("docker") is None:
        return False
    try:
        asked = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            check=False,
            capture_output=True,
            timeout=5,
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0 and bool(asked.stdout.strip())


class Container:
    """A container that can be killed and brought back with its data, on the same port of this machine."""

    def __init__(self, image: str, port: int, inside: int, ready: Callable[[], bool], **options: Any) -> None:
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - only where Docker is

        self._container = DockerContainer(image, **options)
        self._container.ports = {f"{inside}/tcp": (LOOPBACK, port)}  # type: ignore[dict-item]  # as docker-py has it
        self._image = image
        self._ready = ready
        self._made = False

    def start(self) -> None:
        """Raises: PlainError: the image cannot be had, or the server does not get ready."""
        from docker.errors import DockerException  # noqa: PLC0415

        try:
            if self._made:
                self._container.get_wrapped_container().start()
            else:
                self._container.start()
                self._made = True
        except (DockerException, OSError) as error:
            raise PlainError(f"{self._image} cannot be run: {str(error).splitlines()[0]}") from None
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready():
            if time.monotonic() > deadline:
                raise PlainError(f"{self._image} was not ready within {READY_SECONDS} s.")
            time.sleep(0.2)

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()
        self._container.get_wrapped_container().wait()

    def stop(self) -> None:
        if self._made:
            self._container.stop()


def kafka_container(home: Home) -> tuple[Container, str]:
    """Kafka's own image under our configuration, and its bootstrap address. Not started yet."""
    secrets = passwords(home)
    port = free_port()
    node = kafka.Node(home.kafka, port, free_port(), secrets)
    # The port is the same inside, so that the address that Kafka tells its clients holds there too.
    settings = node.configuration("/tmp/muniment-data", listen="0.0.0.0")  # noqa: S104, S108 - inside the container
    prepare = "kafka-storage.sh format --ignore-formatted -t muniment-tests-0000000 -c /tmp/server.properties"
    start = "kafka-server-start.sh /tmp/server.properties"
    script = f'printf "%s" "$MUNIMENT_PROPERTIES" > /tmp/server.properties && cd /opt/kafka/bin && ./{prepare} && exec ./{start}'

    def ready() -> bool:
        admin = kafka_access.client(node.bootstrap, secrets["admin"])
        with suppress(Exception):  # whatever it says, it is not ready yet
            return bool(admin.list_topics(timeout=2).brokers)
        return False

    container = Container(
        f"apache/kafka:{kafka_version()}",
        port,
        port,
        ready,
        entrypoint=["/bin/sh", "-c", script],
        env={"MUNIMENT_PROPERTIES": settings, "KAFKA_HEAP_OPTS": "-Xmx512m"},
    )
    return container, node.bootstrap


def redis_container(home: Home) -> tuple[Container, int]:
    """A Redis with the password of this state folder, and its port. Not started yet."""
    port = free_port()

    def ready() -> bool:
        with suppress(OSError), closing(socket.create_connection((LOOPBACK, port), 1)) as link:
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith(b"-NOAUTH")
        return False

    command = ["redis-server", "--requirepass", passwords(home)["redis"], "--save", "", "--appendonly", "no"]
    return Container(REDIS_IMAGE, port, 6379, ready, command=command), port


def kafka_version() -> str:
    """The version that deploy/kafka/pom.xml names."""
    found = re.search(r"<kafka.version>([\d.]+)<", kafka.POM.read_text())
    if found is None:
        raise PlainError(f"{kafka.POM} names no version of Kafka.")
    return found.group(1)
