"""`muniment audit`: verifies the audit trails of the running platform against their own heads and their witnesses'.

The same as each service's own `audit`; where the services' databases are apart, their commands do it one by one.
"""

import argparse
import tempfile
from pathlib import Path

from common.audit.heads import make_key
from muniment import service_command
from muniment.errors import PlainError
from muniment.home import SERVICES, find_home

WITNESSES = ("disclosure", "retention")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("audit", help="verify the audit trails; change a key that signs their heads")
    actions = parser.add_subparsers(required=True)
    verify = actions.add_parser("verify", help="recompute everything; exit code 1 when a trail is not what was signed")
    verify.add_argument("services", nargs="*", metavar="SERVICE", help="only these (without any: all five)")
    verify.set_defaults(func=_verify)
    rotate = actions.add_parser(
        "new-key", help="a new key for a service's heads; takes effect when its worker restarts"
    )
    rotate.add_argument("service", choices=service_command.CHOICES)
    rotate.add_argument("--folder", type=Path, help="where the keys are (this platform's, unless said otherwise)")
    rotate.set_defaults(func=_new_key)


def _verify(options: argparse.Namespace) -> int:
    """Raises: PlainError: the platform is not up, or there is no such service."""
    services = [service_command.package(name) for name in options.services] or list(SERVICES)
    if unknown := set(services) - set(SERVICES):
        raise PlainError(f"There is no service called {', '.join(sorted(unknown))}.")
    code = 0
    with tempfile.TemporaryDirectory(prefix="muniment-audit-") as folder:
        for service in services:
            words = ["audit", "verify"]
            for witness in WITNESSES:
                if witness != service:
                    file = Path(folder) / f"{witness}-of-{service}"
                    _held(witness, service, file)
                    words += ["--witness", str(file)]
            code = max(code, service_command.run(service, words))
    return code


def _held(witness: str, service: str, file: Path) -> None:
    with file.open("w") as output:
        if service_command.run(witness, ["audit", "held", service], output=output):
            raise PlainError(f"{witness} did not say which heads of {service} it holds.")


def _new_key(options: argparse.Namespace) -> None:
    folder = options.folder or find_home().keys / "audit"
    made = make_key(folder, service_command.package(options.service))
    print(f"{made} is new, and the old public key stays in the set: restart the service's worker.")
