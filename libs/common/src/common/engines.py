"""Makes the engines' clients from settings: which event log, which Redis."""

from typing import TYPE_CHECKING, Any

from common.messaging.broker import Broker
from common.settings import ServiceSettings

if TYPE_CHECKING:
    import redis.asyncio

# A client library is loaded by the process that uses it: ten processes on one machine would pay for it ten times.


def make_broker(settings: ServiceSettings, *, client_id: str) -> Broker:
    """The event log of these settings, not yet open."""
    url = settings.broker_url.get_secret_value()
    if settings.broker == "postgres":
        from common.messaging.postgres_log import PostgresLogBroker  # noqa: PLC0415

        return PostgresLogBroker(url, client_id=client_id)
    from common.messaging.kafka import KafkaBroker, KafkaSecurity  # noqa: PLC0415

    security = KafkaSecurity(
        protocol=settings.kafka_security_protocol,
        mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value(),
        ca_file=settings.kafka_ca_file,
        cert_file=settings.kafka_cert_file,
        key_file=settings.kafka_key_file,
    )
    return KafkaBroker(url, client_id=client_id, security=security)


def make_redis(settings: ServiceSettings) -> "redis.asyncio.Redis":
    """Redis, or its stand-in within this process. Never the record of anything."""
    if settings.redis_url == "memory://":
        from fakeredis import FakeAsyncRedis  # noqa: PLC0415

        return FakeAsyncRedis()
    import redis.asyncio  # noqa: PLC0415

    options: dict[str, Any] = {"socket_timeout": 2, "socket_connect_timeout": 2}
    if settings.redis_url.startswith("rediss://"):
        options |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
        options |= {"ssl_ca_certs": settings.redis_ca_file} if settings.redis_ca_file else {}
    return redis.asyncio.Redis.from_url(settings.redis_url, **options)
