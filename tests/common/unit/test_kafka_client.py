"""How a client of Kafka proves who it is."""

import ssl
from pathlib import Path

import pytest

from common.messaging.broker import BrokerUnavailableError
from common.messaging.kafka_client import KafkaSecurity, as_unavailable


def test_an_open_cluster_is_told_nothing() -> None:
    assert KafkaSecurity().options() == {"security_protocol": "PLAINTEXT"}
    assert KafkaSecurity(username="u", password="p").options() == {"security_protocol": "PLAINTEXT"}


def test_sasl_names_the_principal() -> None:
    assert KafkaSecurity("SASL_PLAINTEXT", "SCRAM-SHA-512", "transcripts", "pw").options() == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "transcripts",
        "sasl_plain_password": "pw",
    }


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
def test_an_encrypted_wire_checks_the_brokers_name_and_certificate(protocol: str) -> None:
    context = KafkaSecurity(protocol).options()["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_an_authority_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        KafkaSecurity("SSL", ca_file=str(tmp_path / "missing.pem")).options()


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(KafkaSecurity("SASL_SSL", "PLAIN", "u", "secret"))


@pytest.mark.parametrize("error", [OSError("10.0.0.1 refused"), TimeoutError(), ConnectionResetError("by 10.0.0.1")])
def test_errors_become_unavailable_and_are_named_by_kind_only(error: Exception) -> None:
    with pytest.raises(BrokerUnavailableError) as caught, as_unavailable("not sent"):
        raise error
    assert str(caught.value) == f"not sent: {type(error).__name__}"


def test_what_is_no_outage_passes() -> None:
    with pytest.raises(ZeroDivisionError), as_unavailable("not sent"):
        raise ZeroDivisionError
