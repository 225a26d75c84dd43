"""`muniment reseal`: what the services of the running platform keep under their own keys, written under a new version.

The same as each service's own `reseal`, with the addresses and passwords of this machine's platform.
"""

import argparse

from common.protection.reseal_command import add_options
from muniment import service_command
from muniment.errors import PlainError
from muniment.home import SERVICES


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("reseal", help="write what is under the services' own keys under a new version")
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these (without any: all five)")
    add_options(parser)
    parser.set_defaults(func=_reseal)


def _reseal(options: argparse.Namespace) -> int:
    """Raises: PlainError: the platform is not up, or there is no such service."""
    services = [service_command.package(name) for name in options.services] or list(SERVICES)
    if unknown := set(services) - set(SERVICES):
        raise PlainError(f"There is no service called {', '.join(sorted(unknown))}.")
    words = ["reseal", *(f"--{name.replace('_', '-')}" for name in _OPTIONS if getattr(options, name))]
    codes = []
    for service in services:
        print(f"{service}:", flush=True)
        codes.append(service_command.run(service, words))
    return max(codes)


_OPTIONS = ("new_version", "status", "retire")
