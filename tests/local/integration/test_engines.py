"""The engines that `muniment` starts: who may enter, and what survives."""

from dataclasses import dataclass

import asyncpg
import pytest
import redis.asyncio
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import ConfigResource, ResourceType

from muniment import databases, kafka_access
from muniment.errors import PlainError
from muniment.home import OWNERS, PRINCIPALS, SERVICES
from tests.plugins.engines import PostgresServer
from tests.plugins.servers import KafkaServer, RedisServer


@dataclass(frozen=True)
class Topic:
    name: str
    partitions: int
    retention_days: int
    owners: tuple[str, ...]
    readers: tuple[str, ...]


@pytest.fixture(scope="module")
async def provisioned(postgres_server: PostgresServer) -> PostgresServer:
    secrets = {name: name for name in (*PRINCIPALS, *OWNERS, "event_log", "keyring")}
    await databases.provision(postgres_server.admin_url, secrets)
    await databases.provision(postgres_server.admin_url, secrets)
    return postgres_server


def as_role(server: PostgresServer, role: str, database: str) -> str:
    host = server.admin_url.partition("@")[2].partition("/")[0]
    return f"postgresql://{role}:{role}@{host}/{database}"


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_enters_its_database_and_no_other_and_owns_nothing(
    provisioned: PostgresServer, service: str
) -> None:
    owner = await asyncpg.connect(as_role(provisioned, f"{service}_owner", service))
    await owner.execute("CREATE TABLE mine (id int)")
    await owner.execute("DROP TABLE mine")
    await owner.close()
    own = await asyncpg.connect(as_role(provisioned, service, service))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await own.execute("CREATE TABLE mine (id int)")
    await own.close()
    await (await asyncpg.connect(as_role(provisioned, service, "event_log"))).close()
    for other in (*SERVICES, "postgres", "template1"):
        for role in (service, f"{service}_owner"):
            if other != service:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await asyncpg.connect(as_role(provisioned, role, other))


async def test_a_database_from_before_there_were_owners_is_handed_over(postgres_server: PostgresServer) -> None:
    secrets = {name: name for name in (*PRINCIPALS, *OWNERS, "event_log", "keyring")}
    await databases.provision(postgres_server.admin_url, secrets)
    await postgres_server.execute("DROP DATABASE retention WITH (FORCE)")
    await postgres_server.execute("CREATE DATABASE retention OWNER retention TEMPLATE template0")
    before = await asyncpg.connect(as_role(postgres_server, "retention", "retention"))
    await before.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    await before.close()

    await databases.provision(postgres_server.admin_url, secrets)

    after = await asyncpg.connect(as_role(postgres_server, "retention", "retention"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await after.execute("DROP TABLE kept")
    await after.close()
    owner = await asyncpg.connect(as_role(postgres_server, "retention_owner", "retention"))
    assert await owner.fetchval("SELECT answer FROM kept") == 42
    await owner.execute("DROP TABLE kept")
    await owner.close()


async def test_the_case_systems_enter_the_event_log_only(provisioned: PostgresServer) -> None:
    await (await asyncpg.connect(as_role(provisioned, "case_system", "event_log"))).close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(as_role(provisioned, "case_system", "transcripts"))


@pytest.mark.parametrize("role", PRINCIPALS)
async def test_only_who_seals_or_opens_events_enters_the_keyring(provisioned: PostgresServer, role: str) -> None:
    if role in databases.KEYRING_USERS:
        await (await asyncpg.connect(as_role(provisioned, role, "keyring"))).close()
        return
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(as_role(provisioned, role, "keyring"))


async def test_postgres_refuses_a_wrong_password(provisioned: PostgresServer) -> None:
    url = as_role(provisioned, "retention", "retention").replace(":retention@", ":production@")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url)


def produce(server: KafkaServer, principal: str, topic: str, value: bytes, *, plain: bool = False) -> KafkaError | None:
    outcome: list[KafkaError | None] = []
    producer = Producer(
        {
            **server.client_settings(principal),
            "enable.idempotence": not plain,
            "message.timeout.ms": 15000,
            "log_level": 0,
        }
    )
    producer.produce(topic, value, key="k", on_delivery=lambda error, _: outcome.append(error))
    producer.flush(20)
    return outcome[0]


def consume(server: KafkaServer, principal: str, group: str, topic: str, count: int) -> list[bytes] | str:
    consumer = Consumer(
        {
            **server.client_settings(principal),
            "group.id": group,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.subscribe([topic])
    values: list[bytes] = []
    try:
        while len(values) < count:
            message = consumer.poll(10 if values else 5)
            if message is None:
                return "nothing came"
            error = message.error()
            if error is not None:
                return str(error.name())
            values.append(message.value() or b"")
    finally:
        consumer.close()
    return values


@pytest.mark.kafka
def test_kafka_keeps_to_owners_and_readers_and_survives_a_crash(kafka_server: KafkaServer) -> None:
    rules = Topic("t.rules", 2, 1, ("transcripts",), ("retention",))
    others = Topic("t.others", 2, 1, ("transcripts",), ("production",))
    kafka_server.add_topics([rules, others])
    assert produce(kafka_server, "transcripts", "t.rules", b"one") is None
    refused = produce(kafka_server, "retention", "t.rules", b"no", plain=True)
    assert refused is not None
    assert refused.name() == "TOPIC_AUTHORIZATION_FAILED"
    assert consume(kafka_server, "production", "production.x", "t.rules", 1) == "TOPIC_AUTHORIZATION_FAILED"
    assert consume(kafka_server, "retention", "transcripts.x", "t.rules", 1) == "GROUP_AUTHORIZATION_FAILED"
    missing = produce(kafka_server, "transcripts", "t.unknown", b"no")
    assert missing is not None  # topics are never made by writing to them

    kafka_server.kill()
    kafka_server.start()

    assert produce(kafka_server, "transcripts", "t.rules", b"two") is None
    assert consume(kafka_server, "retention", "retention.x", "t.rules", 2) == [b"one", b"two"]


@pytest.mark.kafka
def test_topics_and_rules_become_what_the_file_says(kafka_server: KafkaServer) -> None:
    password = kafka_server.passwords["admin"]
    admin = kafka_access.client(kafka_server.bootstrap, password)
    before = Topic("t.grows", 2, 1, ("transcripts",), ("retention", "production"))
    kafka_access.apply(kafka_server.bootstrap, password, [before], withdraw_others=False)
    assert consume(kafka_server, "production", "production.y", "t.grows", 1) == "nothing came"

    after = Topic("t.grows", 4, 9, ("transcripts",), ("retention",))
    kafka_access.apply(kafka_server.bootstrap, password, [after])

    assert len(admin.list_topics("t.grows", timeout=10).topics["t.grows"].partitions) == 4
    place = ConfigResource(ResourceType.TOPIC, "t.grows")
    settings = admin.describe_configs([place])[place].result()
    assert settings["retention.ms"].value == str(9 * 86_400_000)
    assert consume(kafka_server, "production", "production.y", "t.grows", 1) == "GROUP_AUTHORIZATION_FAILED"
    with pytest.raises(PlainError, match=r"t\.grows has 4 partitions and topics\.yaml says 2"):
        kafka_access.apply(kafka_server.bootstrap, password, [before])


@pytest.mark.redis
async def test_redis_asks_for_its_password_and_forgets_in_a_crash(redis_server: RedisServer) -> None:
    client = redis.asyncio.from_url(redis_server.url)
    await client.set("k", "v")
    await client.aclose()
    stranger = redis.asyncio.from_url("redis://" + redis_server.url.partition("@")[2])
    with pytest.raises(redis.AuthenticationError):
        await stranger.get("k")
    await stranger.aclose()

    redis_server.kill()
    redis_server.start()

    client = redis.asyncio.from_url(redis_server.url)
    assert await client.get("k") is None
    await client.aclose()
