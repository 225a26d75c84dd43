"""`muniment topics apply`: brings a Kafka cluster's topics and access rules to what deploy/kafka/topics.yaml says.

For compose and for a cluster; `make up ENGINES=kafka` does the same by itself. It may be run again at any time.
"""

import argparse

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.contracts.topics import TOPICS
from muniment import kafka_access
from muniment.errors import PlainError


class Cluster(BaseSettings):
    """Where the cluster is and how its administrator is known there; the variables are those of the services."""

    model_config = SettingsConfigDict(env_prefix="MUNIMENT_", frozen=True, extra="ignore")

    broker_url: str = Field(default="", description="Kafka's bootstrap servers")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="The administrator's; it is called `admin`")
    kafka_security_protocol: str = Field(default="SASL_PLAINTEXT", description="SASL_SSL: over TLS")
    kafka_ca_file: str = Field(default="", description="Authority that signed the brokers' certificates (PEM)")
    kafka_cert_file: str = Field(default="", description="The administrator's certificate, where brokers ask for one")
    kafka_key_file: str = Field(default="", description="The key of that certificate")

    @property
    def tls(self) -> dict[str, str] | None:
        """Librdkafka's settings for TLS; None without it."""
        if self.kafka_security_protocol != "SASL_SSL":
            return None
        given = {
            "ssl.ca.location": self.kafka_ca_file,
            "ssl.certificate.location": self.kafka_cert_file,
            "ssl.key.location": self.kafka_key_file,
        }
        return {name: value for name, value in given.items() if value}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("topics", help="make Kafka's topics and access rules those of topics.yaml")
    parser.add_argument("action", choices=("apply",))
    parser.set_defaults(func=_apply)


def _apply(_: argparse.Namespace) -> None:
    """Raises: PlainError: the cluster is not named, does not answer or refuses."""
    cluster = Cluster()
    if not cluster.broker_url or not cluster.kafka_password.get_secret_value():
        raise PlainError(
            "Say where Kafka is with MUNIMENT_BROKER_URL, and admin's password with MUNIMENT_KAFKA_PASSWORD."
        )
    kafka_access.apply(cluster.broker_url, cluster.kafka_password.get_secret_value(), TOPICS, tls=cluster.tls)
    print(f"Kafka has the {len(TOPICS)} topics of topics.yaml, and their access rules.")
