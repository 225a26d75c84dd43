"""Settings that every service shares. A service's own class inherits from `ServiceSettings` and adds its fields."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_DEVELOPMENT_TERM_KEY = "for development only: whoever reads this can guess terms against the trail"


class ServiceSettings(BaseSettings):
    """Read from the environment (prefix `MUNIMENT_`). Passwords stand in URLs, so URLs are secrets too."""

    model_config = SettingsConfigDict(env_prefix="MUNIMENT_", frozen=True, extra="ignore")

    profile: Literal["embedded", "standard"] = Field(
        default="standard",
        description="`embedded` admits the development issuer; wrong in production, anyone may mint tokens",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on; wider than needed exposes the service")
    port: int = Field(default=8000, description="Port to listen on; taken, the process ends with one sentence")
    database_url: SecretStr = Field(
        default=SecretStr("postgresql://localhost/muniment"),
        description="The service's own database under its own role; over TLS with ?sslmode=verify-full&sslrootcert=… "
        "(and sslcert, sslkey), without which whoever stands in between reads and changes everything",
    )
    database_pool: int = Field(
        default=8, ge=1, description="Connections a process may hold; too many exhaust the server"
    )
    broker: Literal["postgres", "kafka"] = Field(default="kafka", description="Which event log")
    broker_url: SecretStr = Field(
        default=SecretStr("127.0.0.1:9092"),
        description="Kafka's bootstrap servers, or the URL of the log's database",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="Must match the listener; wrong, nothing connects"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_username: str = Field(default="", description="The Kafka principal; its ACLs come from topics.yaml")
    kafka_password: SecretStr = SecretStr("")
    kafka_ca_file: str = Field(default="", description="Authority that signed the brokers' certificates (PEM)")
    key_service: Literal["file", "vault", "aws"] = Field(
        default="file",
        description="What keeps the keys that wrap all others; another one opens nothing of what is there",
    )
    key_folder: str = Field(
        default="",
        description="Folder of the key files (`file`). Lost, nothing of a person can be read again; copied together with "
        "the databases, everything can",
    )
    key_prefix: str = Field(
        default="muniment-",
        description="What the names of the wrapping keys begin with in Vault's Transit (`muniment-events`) and among the "
        "aliases of AWS KMS (`alias/muniment-events`)",
    )
    vault_url: str = Field(default="", description="Where Vault is (`vault`); out of reach, keys at hand go on")
    vault_token: SecretStr = Field(
        default=SecretStr(""), description="Vault's token; a file that an agent renews is better"
    )
    vault_token_file: str = Field(default="", description="File with Vault's token, read for each request")
    vault_mount: str = Field(default="transit", description="Where the secrets engine Transit is mounted")
    vault_ca_file: str = Field(default="", description="Authority that signed Vault's certificate (PEM)")
    aws_region: str = Field(
        default="", description="Region of the KMS keys (`aws`); credentials come from AWS's own variables"
    )
    aws_kms_endpoint: str = Field(
        default="", description="Another address of KMS than the region's, such as a VPC endpoint's"
    )
    keyring_url: SecretStr = Field(
        default=SecretStr(""),
        description="The keyring's database under the service's own role; out of reach, no session opens and what is "
        "opened by key already goes on",
    )
    kafka_cert_file: str = Field(default="", description="This client's certificate, where brokers ask for one (PEM)")
    kafka_key_file: str = Field(default="", description="The key of that certificate (PEM)")
    redis_url: str = Field(
        default="memory://",
        description="Presence, fan-out and counts of limits; rediss:// over TLS. Losing it costs speed, nothing else",
    )
    redis_ca_file: str = Field(default="", description="Authority that signed Redis' certificate (PEM)")
    issuer: str = Field(default="", description="Who signs the tokens; a token of another issuer is refused")
    audience: str = Field(default="muniment", description="Whom the tokens must be meant for")
    jwks: str = Field(default="", description="The issuer's public keys: an https URL or a file")
    issuer_ca_file: str = Field(default="", description="Authority that signed the issuer's certificate (PEM)")
    dpop_required: tuple[str, ...] = Field(
        default=(),
        description='Roles whose tokens must be bound to a key (RFC 9449), or ["everybody"]; without it a stolen token works',
    )
    dpop_nonce_key: SecretStr = Field(
        default=SecretStr(""),
        description="Makes the nonces that proofs must carry, the same in all processes; empty: they need none",
    )
    public_url: str = Field(
        default="",
        description="This service's address as callers know it (https://chat.agency.example): proofs of possession are "
        "made for it; empty, the header Host is believed, and a proof made for another server may pass here",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description='Networks of the proxies in front (["10.0.0.0/8"], "unix" for a socket); one too many, and its '
        "clients choose which terminal the audit trail names",
    )
    forwarded_header: Literal["x-forwarded-for", "forwarded"] = Field(
        default="x-forwarded-for", description="The one header in which these proxies say where a request came from"
    )
    audit_term_key: SecretStr = Field(
        default=SecretStr(""),
        description="Secret under which personal search terms stand in the audit trail; with another one nobody finds any "
        "more who searched for whom before, and whoever knows it can guess terms against a copy of the trail",
    )
    audit_key_file: str = Field(
        default="", description="Key that signs this service's audit heads (PEM); without it the worker does not start"
    )
    audit_keys: str = Field(
        default="",
        description="Public keys of all services' audit heads (JWK Set, each with its service); a key that is missing "
        "makes true heads look forged",
    )
    rate_limits: dict[str, str] = Field(
        default={},
        description='Requests / seconds by class ({"reads": "1200/60"}), where the defaults of common.web.rates do not fit',
    )
    bulk_looks_soft: int = Field(
        default=500, ge=1, description="People's records a caller sees in a day before an alert"
    )
    bulk_looks_hard: int = Field(default=2000, ge=1, description="…before a refusal; too high, a thief takes them all")
    bulk_exports_soft: int = Field(default=50, ge=1, description="Records taken away as files in a day before an alert")
    bulk_exports_hard: int = Field(default=200, ge=1, description="…before a refusal")
    export_destinations: tuple[str, ...] = Field(
        default=("managed",),
        description="Where files may be taken: `managed` (a device of the agency), `network-share`; `removable` only if "
        "the agency has expressly permitted it (S2-015)",
    )
    otlp_endpoint: str = Field(default="", description="Where traces go (OTLP over HTTP); empty: nowhere")
    log_format: Literal["console", "json"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    stop_after_seconds: float = Field(default=20, gt=0, description="Longest wait for work in hand when told to stop")
    dead_letter_ceiling: int = Field(
        default=100,
        ge=1,
        description="Events set aside and not yet redriven at which a consumer stops taking more",
    )
    consumer_batch: int = Field(default=500, ge=1, description="Most events in one transaction")
    consumer_members: int = Field(
        default=1,
        ge=1,
        le=8,
        description="Members of each consumer group in this process: while one waits for the database another reads; "
        "each holds one connection of the pool and one of the log",
    )

    def term_key(self) -> bytes:
        """The secret of the audit trail's search terms.

        Raises:
            ValueError: none is set outside the embedded profile.
        """
        chosen = self.audit_term_key.get_secret_value()
        if not chosen and self.profile != "embedded":
            raise ValueError("MUNIMENT_AUDIT_TERM_KEY must be set: personal search terms are recorded under it")
        return (chosen or _DEVELOPMENT_TERM_KEY).encode()
