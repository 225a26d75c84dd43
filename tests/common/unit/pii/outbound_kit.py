"""The cases that lie beside the rules for messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

from common.pii.outbound import Agency
from common.pii.outbound_message import OutboundMessage

TABLE: Mapping[str, Any] = yaml.safe_load((files("common.pii") / "outbound-cases.yaml").read_text())
AGENCY = Agency(
    frozenset(TABLE["agency"]["domains"]), frozenset(TABLE["agency"]["portals"]), tuple(TABLE["agency"]["contacts"])
)


@dataclass(frozen=True)
class Case:
    name: str
    message: OutboundMessage
    expected: Mapping[str, Any]
    shows: tuple[str, ...]


def message(**differs: Any) -> OutboundMessage:
    return OutboundMessage.model_validate({**TABLE["base"], **differs})


CASES = [Case(row["case"], message(**row["message"]), row, tuple(row.get("shows", ()))) for row in TABLE["cases"]]
