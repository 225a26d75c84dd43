"""Connections to Apache Kafka, and what their errors mean to those who use them."""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import KafkaError

from common.messaging.broker import BrokerUnavailableError

KAFKA_ERRORS = (KafkaError, OSError, TimeoutError)
"""Everything that can come out of a call to Kafka: its own errors, the network, our patience."""


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """How a client proves who it is, and how the wire is protected. The principal decides what the ACLs allow."""

    protocol: str = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""

    mechanism: str = "PLAIN"
    """PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; read only with SASL."""

    username: str = ""
    password: str = field(default="", repr=False)

    ca_file: str = ""
    """The authority that signed the brokers' certificates (PEM); empty: those the system trusts."""

    cert_file: str = ""
    """The client's own certificate (PEM), for brokers that ask for one; its key in `key_file`."""

    key_file: str = field(default="", repr=False)

    def options(self) -> dict[str, Any]:
        """The same in the words of aiokafka's clients.

        Raises:
            OSError: a file cannot be read (an ssl.SSLError: it holds no certificate).
        """
        chosen: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol.startswith("SASL_"):
            chosen["sasl_mechanism"] = self.mechanism
            chosen["sasl_plain_username"] = self.username
            chosen["sasl_plain_password"] = self.password
        if self.protocol.endswith("SSL"):
            chosen["ssl_context"] = context = ssl.create_default_context(cafile=self.ca_file or None)
            if self.cert_file:
                context.load_cert_chain(self.cert_file, self.key_file or None)
        return chosen


def keep_values_out_of_logs() -> None:
    """At level DEBUG aiokafka logs keys, values and whole requests. No setting of log levels may bring that about."""
    logger = logging.getLogger("aiokafka")
    if logger.getEffectiveLevel() < logging.INFO:
        logger.setLevel(logging.INFO)
    connections = logging.getLogger("aiokafka.conn")
    if _not_again not in connections.filters:
        connections.addFilter(_not_again)


def _not_again(record: logging.LogRecord) -> bool:
    """A password in the clear is the settings' choice and said there; aiokafka says it anew at every connection."""
    return record.msg != "Sending username and password in the clear"


@contextmanager
def as_unavailable(what: str) -> Iterator[None]:
    """Turn Kafka's errors into `BrokerUnavailableError`. The text names the kind of error, never a value."""
    try:
        yield
    except KAFKA_ERRORS as error:
        raise BrokerUnavailableError(f"{what}: {type(error).__name__}") from error
