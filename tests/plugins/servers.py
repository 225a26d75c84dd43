"""Kafka and Redis for the tests, from this machine's own programs."""

from collections.abc import Sequence

from muniment import kafka, kafka_access, redis
from muniment.home import Home, passwords
from muniment.processes import Running, free_port


class KafkaServer:
    """A Kafka node. `passwords` holds one for each principal (the packages' names, `case_system`,
    `admin`).
    """

    def __init__(self, running: Running, bootstrap: str, passwords: dict[str, str]) -> None:
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

    def __init__(self, running: Running, url: str) -> None:
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
    """A node with its data in `home`, from jars kept in `engines`.

    Raises:
        PlainError: there is no Java, no Maven or no way to fetch the jars.
    """
    program = kafka.fetch(engines)
    node = kafka.Node(home.kafka, free_port(), free_port(), passwords(home))
    node.prepare(program)
    running = Running(node.spec(program), home.path / "kafka.log")
    running.start()
    return KafkaServer(running, node.bootstrap, passwords(home))


def start_redis(home: Home, *, engines: Home) -> RedisServer:
    """A server without data on disk; its program may be unpacked in `engines`.

    Raises:
        PlainError: none is installed and none can be fetched.
    """
    port, password = free_port(), passwords(home)["redis"]
    running = Running(redis.spec(engines, port, password), home.path / "redis.log")
    running.start()
    return RedisServer(running, redis.url(port, password))
