"""What the supervisor is to run, as plain data: the command line makes it, the supervisor is handed it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from muniment.processes import OsUser, ProcessSpec, Ready


@dataclass(frozen=True, slots=True)
class Unit:
    """Programs that belong together: `before` run to their end one after the other, then `processes` run for good."""

    name: str
    before: tuple[ProcessSpec, ...] = ()
    processes: tuple[ProcessSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages follow one another, each when the one before is ready; the units of a stage start together."""

    kind: str
    stages: tuple[tuple[Unit, ...], ...]
    facts: Mapping[str, Any]
    """What whoever asks for the status wants to know besides (addresses, the event log's engine). No secrets."""

    @property
    def forks(self) -> bool:
        """Whether any process is to be forked from the nursery."""
        units = [unit for stage in self.stages for unit in stage]
        return any(process.forked for unit in units for process in (*unit.before, *unit.processes))

    def dump(self) -> str:
        """As JSON. Environments hold passwords: it goes through a pipe, never into a file."""
        return json.dumps(asdict(self))


def load(text: str) -> Plan:
    """Read what `Plan.dump` wrote."""
    content = json.loads(text)
    stages = tuple(tuple(_unit(unit) for unit in stage) for stage in content["stages"])
    return Plan(content["kind"], stages, content["facts"])


def _unit(content: Mapping[str, Any]) -> Unit:
    return Unit(
        content["name"],
        tuple(_process(one) for one in content["before"]),
        tuple(_process(one) for one in content["processes"]),
    )


def _process(content: Mapping[str, Any]) -> ProcessSpec:
    return ProcessSpec(
        **{
            **content,
            "argv": tuple(content["argv"]),
            "user": content["user"] and OsUser(**content["user"]),
            "ready": content["ready"] and Ready(**content["ready"]),
        }
    )
