"""Where the other systems are and how the gateway proves itself to them: a file of the operator's, with paths to secrets."""

import ipaddress
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chat_gateway.lookups.adapter import OtherSystem
from chat_gateway.lookups.http_adapter import Access, HttpSystem
from chat_gateway.lookups.register import LookUpRegister
from common.clock import Clock


class Address(BaseModel):
    """One system. Secrets stand in files of their own, so that this one may be read by many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    timeout_seconds: float = Field(default=5.0, gt=0, le=30)
    token_url: str | None = None
    client_id: str = ""
    client_secret_file: Path | None = None
    scope: str = ""
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        for url in (self.url, self.token_url):
            if url is not None and not _protected(url):
                raise ValueError("other systems are reached by https, or by http on this machine alone")
        if (self.token_url is None) != (self.client_secret_file is None):
            raise ValueError("token_url and client_secret_file come together")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file come together")
        return self

    def tls(self) -> ssl.SSLContext:
        """Raises OSError: a certificate or its key cannot be read."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context

    def access(self) -> Access:
        secret = self.client_secret_file.read_text("utf-8").strip() if self.client_secret_file else ""
        return Access(self.url, self.timeout_seconds, self.token_url, self.client_id, secret, self.scope)


def connect(file: Path | None, register: LookUpRegister, clock: Clock) -> Mapping[str, OtherSystem]:
    """A way into each system that the file names; none without a file, or where it is not there.

    Raises:
        ValueError: an address is not protected, or a system is not in the register.
        OSError: a file cannot be read.
    """
    if file is None or not file.exists():
        return {}
    document = yaml.safe_load(file.read_text("utf-8")) or {}
    addresses = {str(code): Address.model_validate(one) for code, one in document.items()}
    if unknown := addresses.keys() - register.systems.keys():
        raise ValueError(f"{file.name}: there is no system {min(unknown)} in the register")
    return {code: HttpSystem(code, one.access(), clock, one.tls()) for code, one in addresses.items()}


def _protected(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
