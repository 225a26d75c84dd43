"""The state folder: everything that `make up` keeps between two runs, in one place.

`.muniment/` in the checkout, or where MUNIMENT_HOME points. Deleting it (after `make down`) forgets everything.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment.errors import PlainError

CHECKOUT = Path(__file__).resolve().parents[4]

SERVICES = ("chat_gateway", "transcripts", "production", "disclosure", "retention")
"""The packages of the five services, in the order of their ports. Databases, roles and Kafka principals are
named alike.
"""

OWNERS = tuple(f"{service}_owner" for service in SERVICES)
"""The roles that own the schemas and migrate them; the services run under roles that own nothing."""

PRINCIPALS = (*SERVICES, "case_system")
"""Who may speak to the event log. `case_system` stands for the agency's case systems, which write and never read."""


@dataclass(frozen=True, slots=True)
class Home:
    """Names of the files and folders inside one state folder."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def kafka(self) -> Path:
        return self.path / "kafka"

    @property
    def engines(self) -> Path:
        """Programs that were fetched: Kafka's jars, an unpacked Redis."""
        return self.path / "engines"

    @property
    def issuer(self) -> Path:
        return self.path / "issuer"

    @property
    def tokens(self) -> Path:
        return self.path / "tokens"

    @property
    def log(self) -> Path:
        return self.path / "log" / "muniment.log"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def keys(self) -> Path:
        """The key files: who has them and the databases' backups can open everything."""
        return self.path / "keys"

    @property
    def choices(self) -> Path:
        """What was chosen once and is kept: ports of the engines, which engines hold the event log."""
        return self.path / "choices.json"

    @property
    def key(self) -> str:
        """Tells this state folder from others on the machine."""
        return hashlib.sha256(str(self.path).encode()).hexdigest()[:12]

    def prepare(self) -> None:
        """Make the folder. Others may pass through it when root does this, since no server runs as root.

        Raises:
            PlainError: the folder cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if self.path.stat().st_uid == os.geteuid():
                self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            for folder in (self.run, self.log.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            probe = self.run / f".probe-{os.getpid()}"
            probe.write_text("x")
            probe.unlink()
        except OSError as error:
            raise PlainError(
                f"The state folder {self.path} cannot be written ({error.strerror}): "
                "give it to this user, or name another folder with MUNIMENT_HOME."
            ) from None


def find_home() -> Home:
    """The state folder of this checkout, or the one that MUNIMENT_HOME names."""
    named = os.environ.get("MUNIMENT_HOME")
    return Home(Path(named).expanduser().resolve() if named else CHECKOUT / ".muniment")


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file; empty when there is no file.

    Raises:
        PlainError: the file is there and cannot be read as a JSON object.
    """
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PlainError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise PlainError(f"{path} is damaged: restore it from a backup, or move the state folder away and begin anew.")
    return content


def write_private(path: Path, content: str) -> None:
    """Replace the file in one step; only its owner may read it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.touch(mode=0o600)
    beside.write_text(content)
    beside.replace(path)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace the file in one step by this object; only its owner may read it."""
    write_private(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def passwords(home: Home) -> dict[str, str]:
    """Random passwords of the engines' users, made once and kept in a file only the owner can read."""
    known = read_json(home.secrets)
    engines = ("admin", "event_log", "keyring", "redis", "audit_terms")
    missing = [name for name in (*engines, *PRINCIPALS, *OWNERS) if name not in known]
    if missing:
        known |= {name: secrets.token_urlsafe(24) for name in missing}
        write_json(home.secrets, known)
    return {str(name): str(value) for name, value in known.items()}
