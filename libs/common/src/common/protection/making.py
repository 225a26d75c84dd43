"""Makes keyring and key services from settings."""

from pathlib import Path

from common.clock import Clock, SystemClock
from common.protection.aws import AwsKeyService
from common.protection.key_file import FileKeyService
from common.protection.key_service import KeyService
from common.protection.keyring import StoredKeyring
from common.protection.service_keys import ServiceKeys
from common.protection.vault import VaultKeyService
from common.settings import ServiceSettings

EVENTS = "events"
"""Name of the wrapping key of the keyring; a service's own is named like the service."""


def key_file(folder: Path, name: str) -> Path:
    """Where the key of this name lies in a folder of key files."""
    return folder / f"{name}.json"


def make_key_service(settings: ServiceSettings, name: str) -> KeyService:
    """The key service of these settings, for the wrapping key of this name.

    Raises:
        ValueError: the settings do not say where it is.
    """
    if settings.key_service == "vault":
        if not settings.vault_url:
            raise ValueError("MUNIMENT_VAULT_URL must be set where Vault is the key service")
        return VaultKeyService(
            settings.vault_url,
            f"{settings.key_prefix}{name}",
            token=settings.vault_token.get_secret_value(),
            token_file=settings.vault_token_file,
            mount=settings.vault_mount,
            ca_file=settings.vault_ca_file,
        )
    if settings.key_service == "aws":
        if not settings.aws_region:
            raise ValueError("MUNIMENT_AWS_REGION must be set where AWS KMS is the key service")
        return AwsKeyService(
            f"alias/{settings.key_prefix}{name}",
            region=settings.aws_region,
            clock=SystemClock(),
            endpoint=settings.aws_kms_endpoint,
        )
    if not settings.key_folder:
        raise ValueError("MUNIMENT_KEY_FOLDER must be set: without it nothing of a person can be kept or told")
    return FileKeyService(key_file(Path(settings.key_folder), name))


def make_keyring(settings: ServiceSettings, *, application: str) -> StoredKeyring:
    """The keyring of these settings; nothing is connected yet.

    Raises:
        ValueError: the settings do not say where it is.
    """
    url = settings.keyring_url.get_secret_value()
    if not url:
        raise ValueError("MUNIMENT_KEYRING_URL must be set: without it nothing of a person can be told or read")
    return StoredKeyring(url, make_key_service(settings, EVENTS), application=application)


def make_service_keys(settings: ServiceSettings, service: str, clock: Clock) -> ServiceKeys:
    """The keys of a service's own columns and indexes.

    Raises:
        ValueError: the settings do not say where the key service is.
    """
    return ServiceKeys(service, settings.database_url.get_secret_value(), make_key_service(settings, service), clock)
