"""Settings of a service that takes release grants."""

from pydantic import Field

from common.settings import ServiceSettings


class ReleaseSettings(ServiceSettings):
    grant_keys: str = Field(
        default="",
        description="Where disclosure's public keys of release grants are: an https URL (http on loopback only) or a file "
        "(JWK set); whoever can put a key there lets records out. Empty is admitted in the embedded profile only: nothing "
        "is released then",
    )
    release_copy_seconds: int = Field(
        default=86_400,
        ge=60,
        le=604_800,
        description="How long the bytes of a released copy can be fetched, by whoever took the grant; longer keeps more copies",
    )

    def check(self) -> None:
        """Refuse to run where grants cannot be checked.

        Raises:
            ValueError: nobody said where the keys are, outside the embedded profile.
        """
        if not self.grant_keys and self.profile != "embedded":
            raise ValueError("MUNIMENT_GRANT_KEYS must say where the public keys of release grants are")
