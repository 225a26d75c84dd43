from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field

from chat_gateway.routing.quiet import FEWEST_EXTENSIONS, SHORTEST_WARNING, Patience
from common.pii.outbound import Agency
from common.settings import ServiceSettings


class ChatGatewaySettings(ServiceSettings):
    """What the chat gateway needs beyond the settings of every service."""

    outbox_frames: int = Field(
        default=256,
        ge=8,
        description="Frames that may wait for one slow reader; more, and the reader is dropped and resumes by cursor",
    )
    unacknowledged_frames: int = Field(
        default=64,
        ge=1,
        description="Messages of one connection that may wait for their commit; more, and its socket is not read",
    )
    hello_seconds: float = Field(
        default=10.0, gt=0, description="Within this the first frame has to come; longer lets strangers hold sockets"
    )
    idle_seconds: float = Field(
        default=900,
        gt=0,
        description="After so long a connection that hears no session and says nothing ends (4003)",
    )
    heartbeat_seconds: float = Field(
        default=15,
        gt=0,
        description="How often an event stream without news sends a comment; longer, and proxies take it for dead",
    )
    poll_wait_seconds: int = Field(
        default=25, ge=1, le=55, description="How long a poll waits for news at most; many proxies end it after 60"
    )
    refuse_after_seconds: float = Field(
        default=10.0,
        gt=0,
        description="How long a sender waits while the database is out of reach before the answer `unavailable`",
    )
    poll_seconds: float = Field(
        default=1.0,
        gt=0,
        description="How often entries written by other processes are looked for when nobody announces them",
    )
    opens_per_minute: int = Field(
        default=20,
        ge=1,
        description="Sessions one account may open in a minute; counted in Redis, not counted without it",
    )
    frames_per_second: float = Field(
        default=200,
        gt=0,
        description="Frames of one connection; more are refused, and twice that for long ends it (4029)",
    )
    frames_at_once: int = Field(
        default=1000, ge=1, description="Frames of one connection that may come at once, after a silence or on resuming"
    )
    connections_per_account: int = Field(
        default=20,
        ge=0,
        description="Connections that one account may have at one process at once; 0 = as many as come",
    )
    connections_per_employee: int = Field(
        default=60, ge=0, description="The same for an employee, who may have many windows; 0 = as many as come"
    )
    connections_per_terminal: int = Field(
        default=2000,
        ge=0,
        description="Connections from one network terminal at one process at once; a whole office may sit behind one, and "
        "without `trusted_proxies` everybody behind a proxy; 0 = as many as come",
    )
    registers: Path | None = Field(
        default=None,
        description="Folder with an agency's own topics.yaml, hours.yaml, priorities.yaml or systems.yaml; a wrong one stops the start",
    )
    closures_file: Path | None = Field(
        default=None, description="Further days closed by order of the President (YAML); missing, chats open on them"
    )
    monitoring_shown: bool = Field(
        default=False, description="Whether employees are told when a supervisor listens; customers never are"
    )
    watch_seconds: int = Field(
        default=120,
        ge=60,
        description="After so long without anybody who hears it, a supervisor's listening has ended; shorter than a poll, it ends between two",
    )
    lookup_addresses: Path | None = Field(
        default=None,
        description="Where the agency's other systems are (YAML, see deploy/lookups.example.yaml); missing, none is asked",
    )
    routing_rule: Literal["round-robin", "least-busy"] = Field(
        default="round-robin", description="Whom a waiting session is offered to among those who may take it"
    )
    routing_seconds: float = Field(
        default=1.0, gt=0, description="How often a process looks for what waits or is due; longer makes people wait"
    )
    chats_per_agent: int = Field(default=5, ge=1, le=50, description="Sessions that an employee may have at once")
    offer_seconds: int = Field(default=30, ge=5, description="How long an employee who was asked may think")
    refusal_seconds: int = Field(
        default=120, ge=0, description="How long who declined is not asked for the same session again"
    )
    desk_seconds: int = Field(
        default=45,
        ge=15,
        description="Not connected for so long, an employee or a waiting customer counts as not there",
    )
    owner_lost_seconds: int = Field(
        default=120, ge=30, description="After so long without its employee's line a session goes back to the queue"
    )
    seat_seconds: int = Field(
        default=600, ge=60, description="How long a customer whose line dropped keeps the seat in the queue"
    )
    hold_seconds: int = Field(default=900, ge=10, description="Longest hold; after it a session goes on by itself")
    silence_seconds: int = Field(
        default=300, ge=30, description="How long a customer may be silent before the warning, while the agency waits"
    )
    warning_seconds: int = Field(
        default=120,
        ge=int(SHORTEST_WARNING.total_seconds()),
        description="From the warning to the end; WCAG 2.2.1 asks for 20 at least",
    )
    silence_extensions: int = Field(
        default=FEWEST_EXTENSIONS,
        ge=FEWEST_EXTENSIONS,
        description="How often a customer may ask for more time; WCAG 2.2.1 asks for ten at least",
    )
    place_kept_hours: int = Field(default=96, ge=1, description="How long a kept place in the queue is good")

    reveals_soft: int = Field(
        default=30, ge=1, description="Masked places that one employee has revealed in an hour before an alert"
    )
    reveals_hard: int = Field(
        default=60, ge=1, description="The same before a refusal; too low, and employees ask the person once more"
    )
    agency_contacts: str = Field(
        default="",
        description="Telephone numbers and addresses of the agency's offices, with semicolons between; they are not taken for "
        "a person's",
    )

    @cached_property
    def agency(self) -> Agency:
        """What is the agency's own, for the check of what employees say."""
        return Agency(contacts=tuple(one.strip() for one in self.agency_contacts.split(";") if one.strip()))

    @cached_property
    def patience(self) -> Patience:
        """How long the agency waits for a silent customer."""
        return Patience(
            timedelta(seconds=self.silence_seconds), timedelta(seconds=self.warning_seconds), self.silence_extensions
        )
