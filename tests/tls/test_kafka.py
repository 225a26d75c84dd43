"""Kafka over TLS, with passwords and with certificates of both sides: the platform's own producer and consumer."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from common.contracts.topics import TopicSpec
from common.engines import make_broker
from common.messaging.broker import BrokerUnavailableError, Record
from common.settings import ServiceSettings
from muniment import kafka, kafka_access
from muniment.errors import PlainError
from muniment.home import Home, find_home, passwords
from muniment.processes import Running, free_port
from tests.plugins.engines import do_without
from tests.tls.certificates import Authority

pytestmark = pytest.mark.kafka
PRINCIPAL = "transcripts"


class TlsNode(kafka.Node):
    """The node of `make up`, on TLS."""

    def configuration(self, data: Path | str, *, listen: str = "127.0.0.1") -> str:
        text = super().configuration(data, listen=listen).replace("CLIENT:SASL_PLAINTEXT", "CLIENT:SASL_SSL")
        given = {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.folder / "broker.pem",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.folder / "authority.pem",
            "listener.name.client.ssl.client.auth": "required",
        }
        return text + "".join(f"{name}={value}\n" for name, value in given.items())


@dataclass(frozen=True)
class Cluster:
    settings: ServiceSettings
    topic: str


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, home: Home, authority: Authority) -> Iterator[Cluster]:
    try:
        program = kafka.fetch(find_home())
    except PlainError as reason:
        do_without(request, "Apache Kafka", str(reason))
    node = TlsNode(home.kafka, free_port(), free_port(), passwords(home))
    node.folder.mkdir(parents=True, exist_ok=True)
    certificate, key = authority.issue("broker", "127.0.0.1")
    (node.folder / "broker.pem").write_bytes(key.read_bytes() + certificate.read_bytes())
    shutil.copyfile(authority.file, node.folder / "authority.pem")
    node.prepare(program)
    running = Running(node.spec(program), home.path / "kafka.log")
    running.start()
    own, own_key = authority.issue(PRINCIPAL)
    topic = TopicSpec(f"test.{uuid4().hex}", "n", 1, 1, (PRINCIPAL,), (PRINCIPAL,), "")
    tls = {
        "ssl.ca.location": str(authority.file),
        "ssl.certificate.location": str(own),
        "ssl.key.location": str(own_key),
    }
    try:
        kafka_access.apply(node.bootstrap, passwords(home)["admin"], [topic], withdraw_others=False, tls=tls)
        yield Cluster(
            ServiceSettings(
                broker="kafka",
                broker_url=node.bootstrap,
                kafka_security_protocol="SASL_SSL",
                kafka_username=PRINCIPAL,
                kafka_password=passwords(home)[PRINCIPAL],
                kafka_ca_file=str(authority.file),
                kafka_cert_file=str(own),
                kafka_key_file=str(own_key),
            ),
            topic.name,
        )
    finally:
        running.stop()


async def test_events_go_out_and_come_back_over_tls(cluster: Cluster) -> None:
    async with make_broker(cluster.settings, client_id="test") as broker:
        await broker.publish([Record(cluster.topic, "k", b"one"), Record(cluster.topic, "k", b"two")])
        async with broker.subscribe(group=f"{PRINCIPAL}.test", topics=[cluster.topic]) as member:
            got: list[bytes] = []
            async with asyncio.timeout(30):
                while len(got) < 2:
                    batch = await member.poll(max_records=10, timeout_seconds=1)
                    await member.commit(batch)
                    got += [record.value for record in batch]
    assert got == [b"one", b"two"]


@pytest.mark.parametrize("wrong", ["unknown authority", "no certificate", "password", "in the clear", "another host"])
async def test_another_broker_or_another_client_is_refused(cluster: Cluster, stranger: Authority, wrong: str) -> None:
    address = cluster.settings.broker_url.get_secret_value()
    changed = {
        "unknown authority": {"kafka_ca_file": str(stranger.file)},
        "no certificate": {"kafka_cert_file": "", "kafka_key_file": ""},
        "password": {"kafka_password": "guessed"},
        "in the clear": {"kafka_security_protocol": "SASL_PLAINTEXT"},
        "another host": {"broker_url": address.replace("127.0.0.1", "localhost")},
    }[wrong]
    chosen = ServiceSettings(**{**cluster.settings.model_dump(), **changed})
    broker = make_broker(chosen, client_id="test")
    with pytest.raises(BrokerUnavailableError):
        async with asyncio.timeout(25), broker:
            await broker.publish([Record(cluster.topic, "k", b"never")])
