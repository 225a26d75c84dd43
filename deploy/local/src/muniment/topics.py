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
    kafka_access.apply(cluster.broker_url, cluster.kafka_password.get_secret_value(), TOPICS)
    print(f"Kafka has the {len(TOPICS)} topics of topics.yaml, and their access rules.")
