"""Settings of the disclosure service."""

from pydantic import Field

from common.pii.outbound import Agency
from common.settings import ServiceSettings


class DisclosureSettings(ServiceSettings):
    grant_key_file: str = Field(
        default="",
        description="Private key (P-256; PEM, JWK or JWK set, the first signs) for release grants; whoever reads it can "
        "let records out without a decision. Empty is admitted in the embedded profile only: a key is made and kept",
    )
    grant_seconds: int = Field(
        default=3600, ge=60, le=86_400, description="How long a release grant may be used; longer helps a thief"
    )
    incident_district_minutes: int = Field(
        default=60,
        ge=1,
        le=1440,
        description="How soon after its detection the district director is told of an incident; an alarm is raised after that. "
        "The bulletin says immediately: long makes late look like in time",
    )
    pii_taxonomy_file: str = Field(
        default="",
        description="YAML with the kinds of information about a person that the agency adds to the platform's; a kind that "
        "is missing there is not looked for. It cannot take a protected kind back",
    )

    agency_domains: str = Field(
        default="",
        description="Domains of the agency's own mail, each in full, with semicolons between; a message stays inside only "
        "if all its recipients are in these. Empty: every message counts as leaving",
    )
    agency_portals: str = Field(
        default="",
        description="Names of secured sites that the agency approved for messages about persons, with semicolons between; "
        "whatever is listed is not judged",
    )
    agency_contacts: str = Field(
        default="",
        description="Telephone numbers and addresses of the agency's offices, with semicolons between; they are not taken for "
        "a person's",
    )

    def agency(self) -> Agency:
        """What is the agency's own, for the judgement of messages."""
        domains = frozenset(domain.lower() for domain in _listed(self.agency_domains))
        return Agency(domains, frozenset(_listed(self.agency_portals)), _listed(self.agency_contacts))

    def check(self) -> None:
        """Refuse to run where nobody gave a key.

        Raises:
            ValueError: no key file is named outside the embedded profile.
        """
        if not self.grant_key_file and self.profile != "embedded":
            raise ValueError("MUNIMENT_GRANT_KEY_FILE must name a private key: release grants are signed with it")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())
