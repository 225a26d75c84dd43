"""`muniment redrive SERVICE`: what a service of the running platform set aside, another try at it, or dismissing it.

The same as the service's own `redrive`, with the addresses and passwords of this machine's platform.
"""

import argparse

from common.messaging.redriving import add_options
from muniment import service_command


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "redrive", help="list events that a service set aside, handle them again, dismiss one"
    )
    parser.add_argument("service", choices=service_command.CHOICES)
    add_options(parser)
    parser.set_defaults(func=_redrive)


def _redrive(options: argparse.Namespace) -> int:
    """Raises: PlainError: the platform is not up."""
    words = ["redrive", *(["--all"] if options.all else [])]
    for name in ("id", "drop", "reason"):
        if (value := getattr(options, name)) is not None:
            words += [f"--{name}", str(value)]
    return service_command.run(service_command.package(options.service), words)
