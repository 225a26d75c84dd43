"""Topics and access rules of a Kafka cluster, brought to what `deploy/kafka/topics.yaml` says."""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from muniment.errors import PlainError

DAY_MS = 86_400_000


class Topic(Protocol):
    """The part of `common.contracts.topics.TopicSpec` that Kafka needs."""

    @property
    def name(self) -> str: ...
    @property
    def partitions(self) -> int: ...
    @property
    def retention_days(self) -> int: ...
    @property
    def owners(self) -> Sequence[str]: ...
    @property
    def readers(self) -> Sequence[str]: ...


def client(bootstrap: str, password: str, tls: Mapping[str, str] | None = None) -> AdminClient:
    """The administrator's connection; `tls`: librdkafka's settings for one over TLS."""
    return AdminClient(
        {
            "bootstrap.servers": bootstrap,
            "security.protocol": "SASL_PLAINTEXT" if tls is None else "SASL_SSL",
            **(tls or {}),
            "sasl.mechanism": "PLAIN",
            "sasl.username": "admin",
            "sasl.password": password,
            "log_level": 0,  # its retries while the server starts are no news
        }
    )


def apply(
    bootstrap: str,
    password: str,
    topics: Sequence[Topic],
    *,
    withdraw_others: bool = True,
    timeout_seconds: float = 60,
    tls: Mapping[str, str] | None = None,
) -> None:
    """Make missing topics, set retention and partitions, and make the access rules exactly those of the topics.

    With `withdraw_others=False` rules that the topics do not ask for are left as they are.

    Raises:
        PlainError: Kafka does not answer in time or refuses; a topic has more partitions than the file says.
    """
    admin = client(bootstrap, password, tls)
    try:
        present = _topics_when_ready(admin, timeout_seconds)
        _make_topics(admin, topics, present)
        _make_rules(admin, topics, withdraw_others=withdraw_others)
        _until_in_force(admin, topics, withdraw_others=withdraw_others, timeout_seconds=timeout_seconds)
    except KafkaException as error:
        raise PlainError(f"Kafka refuses the topics or access rules: {error.args[0].str()}") from None


def _topics_when_ready(admin: AdminClient, timeout_seconds: float) -> dict[str, int]:
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            found = admin.list_topics(timeout=5).topics
            return {name: len(topic.partitions) for name, topic in found.items()}
        except KafkaException as error:
            if time.monotonic() > deadline:
                raise PlainError(f"Kafka does not answer: {error.args[0].str()}") from None
            time.sleep(0.2)


def _make_topics(admin: AdminClient, topics: Sequence[Topic], present: dict[str, int]) -> None:
    missing = [
        NewTopic(topic.name, topic.partitions, 1, config={"retention.ms": str(topic.retention_days * DAY_MS)})
        for topic in topics
        if topic.name not in present
    ]
    if missing:
        _wait(admin.create_topics(missing), tolerate=KafkaError.TOPIC_ALREADY_EXISTS)
    for topic in topics:
        if present.get(topic.name, topic.partitions) > topic.partitions:
            raise PlainError(
                f"Topic {topic.name} has {present[topic.name]} partitions and topics.yaml says "
                f"{topic.partitions}: "
                "partitions cannot be taken away without losing the order of events."
            )
    more = [
        NewPartitions(topic.name, topic.partitions)
        for topic in topics
        if 0 < present.get(topic.name, 0) < topic.partitions
    ]
    if more:
        _wait(admin.create_partitions(more))
    kept = [_retention(topic) for topic in topics if topic.name in present]
    if kept:
        _wait(admin.incremental_alter_configs(kept))


def _retention(topic: Topic) -> ConfigResource:
    value = str(topic.retention_days * DAY_MS)
    entry = ConfigEntry("retention.ms", value, incremental_operation=AlterConfigOpType.SET)
    return ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=[entry])


def rules(topics: Iterable[Topic]) -> list[AclBinding]:
    """What each principal may do: owners write their topics, readers read theirs within groups named after them."""
    wanted: list[AclBinding] = []
    writers: set[str] = set()
    readers: set[str] = set()
    for topic in topics:
        writers |= set(topic.owners)
        readers |= set(topic.readers)
        wanted += [_rule(ResourceType.TOPIC, topic.name, owner, AclOperation.WRITE) for owner in topic.owners]
        wanted += [_rule(ResourceType.TOPIC, topic.name, reader, AclOperation.READ) for reader in topic.readers]
        wanted += [
            _rule(ResourceType.TOPIC, topic.name, either, AclOperation.DESCRIBE)
            for either in sorted({*topic.owners, *topic.readers})
        ]
    wanted += [
        _rule(ResourceType.BROKER, "kafka-cluster", name, AclOperation.IDEMPOTENT_WRITE) for name in sorted(writers)
    ]
    wanted += [
        _rule(ResourceType.GROUP, f"{name}.", name, AclOperation.READ, ResourcePatternType.PREFIXED)
        for name in sorted(readers)
    ]
    return wanted


def _rule(
    kind: ResourceType,
    name: str,
    principal: str,
    operation: AclOperation,
    pattern: ResourcePatternType = ResourcePatternType.LITERAL,
) -> AclBinding:
    return AclBinding(kind, name, pattern, f"User:{principal}", "*", operation, AclPermissionType.ALLOW)


def _make_rules(admin: AdminClient, topics: Sequence[Topic], *, withdraw_others: bool) -> None:
    present = _rules_in_force(admin)
    wanted = set(rules(topics))
    if wanted - present:
        _wait(admin.create_acls(list(wanted - present), request_timeout=20))
    surplus = [
        AclBindingFilter(
            rule.restype,
            rule.name,
            rule.resource_pattern_type,
            rule.principal,
            rule.host,
            rule.operation,
            rule.permission_type,
        )
        for rule in (present - wanted if withdraw_others else ())
    ]
    if surplus:
        _wait(admin.delete_acls(surplus, request_timeout=20))


def _rules_in_force(admin: AdminClient) -> set[AclBinding]:
    anything: Any = None  # the library's own word for "any", which its annotations leave out
    everything = AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        anything,
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    return set(admin.describe_acls(everything, request_timeout=20).result())


def _until_in_force(
    admin: AdminClient, topics: Sequence[Topic], *, withdraw_others: bool, timeout_seconds: float
) -> None:
    """Kafka answers when a change is in its metadata log; the broker itself obeys it a moment later."""
    wanted = set(rules(topics))
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        known = admin.list_topics(timeout=5).topics
        led = all(
            topic.name in known
            and len(known[topic.name].partitions) == topic.partitions
            and all(partition.leader >= 0 for partition in known[topic.name].partitions.values())
            for topic in topics
        )
        present = _rules_in_force(admin)
        if led and wanted <= present and not (withdraw_others and present - wanted):
            return
        time.sleep(0.05)
    raise PlainError("Kafka took the topics and access rules and does not obey them yet: try again.")


def _wait(work: "dict[Any, Future[Any]]", *, tolerate: int | None = None) -> None:
    for future in work.values():
        try:
            future.result()
        except KafkaException as error:
            if tolerate is None or error.args[0].code() != tolerate:
                raise
