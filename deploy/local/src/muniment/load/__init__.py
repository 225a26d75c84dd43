"""How the gateway bears many: idle lines, active chats, replicas, growth; and the same work on another server of chats."""

import argparse

PARTS = ("idle", "active", "replicas", "sessions", "length", "synapse")


def _main(options: argparse.Namespace) -> int:
    from muniment.load import command  # noqa: PLC0415 - the driver's process loads this package too

    return command.main(options)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("load", help="put load on the gateway, see what it takes; write docs/load.md")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; all but the last by default")
    parser.add_argument("--lines", type=int, default=2000, help="idle connections of each kind (2000)")
    parser.add_argument("--idle-seconds", type=float, default=40, help="for how long they are watched (40)")
    parser.add_argument(
        "--sessions", type=int, default=200, help="active chats; growth goes from a quarter to twice (200)"
    )
    parser.add_argument("--entries", type=int, default=10_000, help="of the longest session (10000)")
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement of active chats (5)")
    parser.add_argument("--rooms", type=int, default=50, help="of two, beside Synapse (50)")
    parser.add_argument("--paced-seconds", type=float, default=20, help="at ten messages a second beside Synapse (20)")
    parser.add_argument("--into", metavar="FILE", help="another page than docs/load.md")
    parser.add_argument("--print-only", action="store_true", help="write no page")
    parser.set_defaults(func=_main)
