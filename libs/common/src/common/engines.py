"""Makes the engines' clients from settings: which event log, which Redis."""

import redis.asyncio
from fakeredis import FakeAsyncRedis

from common.messaging.broker import Broker
from common.messaging.kafka import KafkaBroker, KafkaSecurity
from common.messaging.postgres_log import PostgresLogBroker
from common.settings import ServiceSettings


def make_broker(settings: ServiceSettings, *, client_id: str) -> Broker:
    """The event log of these settings, not yet open."""
    url = settings.broker_url.get_secret_value()
    if settings.broker == "postgres":
        return PostgresLogBroker(url, client_id=client_id)
    security = KafkaSecurity(
        protocol=settings.kafka_security_protocol,
        mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value(),
        ca_file=settings.kafka_ca_file,
    )
    return KafkaBroker(url, client_id=client_id, security=security)


def make_redis(settings: ServiceSettings) -> "redis.asyncio.Redis":
    """Redis, or its stand-in within this process. Never the record of anything."""
    if settings.redis_url == "memory://":
        return FakeAsyncRedis()
    return redis.asyncio.Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2)
