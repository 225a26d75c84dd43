"""Kafka and Redis for the tests: in containers where Docker answers, else from this machine's own programs."""

import warnings
from collections.abc import Sequence
from typing import Protocol

from muniment import kafka, kafka_access, redis
from muniment.errors import PlainError
from muniment.home import Home, passwords
from muniment.processes import Running, free_port
from tests.plugins import docker


class Server(Protocol):
    """Something that can be killed, and comes back on the same port."""

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...


class KafkaServer:
    """A Kafka node. `passwords` holds one for each principal (the packages' names, `case_system`, `admin`)."""

    def __init__(self, running: Server, bootstrap: str, passwords: dict[str, str]) -> None:
        self._running = running
        self.bootstrap = bootstrap
        self.passwords = passwords

    def client_settings(self, principal: str) -> dict[str, str]:
        """Settings of a client in the words of librdkafka."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": principal,
            "sasl.password": self.passwords[principal],
        }

    def add_topics(self, topics: Sequence[kafka_access.Topic]) -> None:
        """Make these topics and let their owners and readers at them; other topics stay as they are."""
        kafka_access.apply(self.bootstrap, self.passwords["admin"], topics, withdraw_others=False)

    def kill(self) -> None:
        """End it as a crash would."""
        self._running.kill()

    def start(self) -> None:
        """Bring it back with its data, on the same port."""
        self._running.start()

    def close(self) -> None:
        self._running.stop()


class RedisServer:
    """A Redis server with a password in its URL."""

    def __init__(self, running: Server, url: str) -> None:
        self._running = running
        self.url = url

    def kill(self) -> None:
        """End it as a crash would; it forgets everything."""
        self._running.kill()

    def start(self) -> None:
        """Bring it back, empty, on the same port."""
        self._running.start()

    def close(self) -> None:
        self._running.stop()


def start_kafka(home: Home, *, engines: Home) -> KafkaServer:
    """A node with its data in `home`, from jars kept in `engines`; in a container where Docker answers.

    Raises:
        PlainError: there is neither Docker nor Java, or no way to fetch the image and the jars.
    """
    if docker.answers():
        container, bootstrap = docker.kafka_container(home)
        if _starts(container):
            return KafkaServer(container, bootstrap, passwords(home))
    program = kafka.fetch(engines)
    node = kafka.Node(home.kafka, free_port(), free_port(), passwords(home))
    node.prepare(program)
    running = Running(node.spec(program), home.path / "kafka.log")
    running.start()
    return KafkaServer(running, node.bootstrap, passwords(home))


def start_redis(home: Home, *, engines: Home) -> RedisServer:
    """A server without data on disk, in a container where Docker answers; else its program may be unpacked in `engines`.

    Raises:
        PlainError: there is no Docker, none is installed and none can be fetched.
    """
    password = passwords(home)["redis"]
    if docker.answers():
        container, port = docker.redis_container(home)
        if _starts(container):
            return RedisServer(container, redis.url(port, password))
    port = free_port()
    running = Running(redis.spec(engines, port, password), home.path / "redis.log")
    running.start()
    return RedisServer(running, redis.url(port, password))


def _starts(container: docker.Container) -> bool:
    """An engine that answers and cannot fetch an image is no reason to do without: this machine may have the server."""
    try:
        container.start()
    except PlainError as error:
        warnings.warn(f"{error} This machine's own server is tried.", stacklevel=2)
        container.stop()
        return False
    return True
