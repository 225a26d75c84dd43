"""`muniment`: runs the platform on one machine. Errors the operator can mend are one sentence and exit code 1."""

import argparse
import errno
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence

from muniment import daemon, logs
from muniment.errors import PlainError
from muniment.home import find_home

ELSEWHERE = ("demo", "bench", "load", "redrive", "audit", "trace", "schemas", "secrets", "topics", "keys", "reseal")
"""Commands in modules of their own, loaded only when asked for: some bring much with them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(words[:1]).parse_args(words)
    try:
        return int(options.func(options) or 0)
    except PlainError as error:
        print(f"{error}", file=sys.stderr)
    except BrokenPipeError:  # who read our output has gone: nothing more to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        print(_in_a_sentence(error), file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 1


def _in_a_sentence(error: OSError) -> str:
    place = error.filename or find_home().path
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {place} is full: make room, or name a folder on another disk with MUNIMENT_HOME."
    return (
        f"{place} cannot be used ({error.strerror}): give it to this user, or name another folder with MUNIMENT_HOME."
    )


def _parser(first: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="muniment", description="Runs the whole platform on one machine.")
    commands = parser.add_subparsers(metavar="command", required=True)
    up = commands.add_parser("up", help="start everything and wait until it is ready")
    _engines_option(up)
    up.set_defaults(func=_up)
    commands.add_parser("down", help="stop everything; the data stay").set_defaults(func=_down)
    commands.add_parser("migrate", help="bring the five databases to their newest version").set_defaults(func=_migrate)
    commands.add_parser("status", help="what runs, and how much memory it takes").set_defaults(func=_status)
    reset = commands.add_parser("reset", help="stop everything and delete all data")
    reset.add_argument("--yes", action="store_true", help="it is meant")
    reset.set_defaults(func=_reset)
    _add_logs(commands)
    _add_token(commands)
    engines = commands.add_parser("engines", help="PostgreSQL, Kafka and Redis without the services")
    engines.add_argument("action", choices=("start", "stop", "status"))
    engines.set_defaults(func=_engines)
    for name in ELSEWHERE:
        if list(first) in ([name], [], ["-h"], ["--help"]) and importlib.util.find_spec(f"muniment.{name}"):
            importlib.import_module(f"muniment.{name}").add_parser(commands)
    return parser


def _engines_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engines", metavar="postgres|kafka", help="what keeps the event log (kafka brings Redis too)")


def _add_logs(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("logs", help="what the processes say")
    parser.add_argument("names", nargs="*", help="only these processes (transcripts-api, postgres, …)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as lines come")
    parser.add_argument("-n", "--lines", type=int, default=200, help="how many of the newest lines (200)")
    parser.set_defaults(func=_logs)


def _add_token(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("token", help="print a development token")
    parser.add_argument("role", help="one role, or several with commas between")
    parser.add_argument("--sub", help="whose token it is; for a customer, the account's id")
    parser.add_argument(
        "--claim", action="append", default=[], metavar="NAME=VALUE", help="VALUE is JSON where it can be read as such"
    )
    parser.set_defaults(func=_token)


def _up(options: argparse.Namespace) -> None:
    from muniment import up  # noqa: PLC0415 - each command loads only what it needs

    home = find_home()
    try:
        up.up(home, options.engines or None)
    except KeyboardInterrupt:
        daemon.stop(home)
        raise


def _down(_: argparse.Namespace) -> None:
    from muniment import up  # noqa: PLC0415

    up.down(find_home())


def _reset(options: argparse.Namespace) -> None:
    from muniment import up  # noqa: PLC0415

    up.reset(find_home(), sure=options.yes)


def _migrate(_: argparse.Namespace) -> None:
    from muniment import up  # noqa: PLC0415

    up.migrate(find_home())


def _status(_: argparse.Namespace) -> int:
    from muniment import up  # noqa: PLC0415

    return 0 if up.print_status(find_home()) else 1


def _engines(options: argparse.Namespace) -> int:
    if options.action == "status":
        return _status(options)
    from muniment import up  # noqa: PLC0415

    if options.action == "stop":
        up.down(find_home())
    else:
        up.start_engines(find_home())
    return 0


def _logs(options: argparse.Namespace) -> None:
    home = find_home()
    if not home.log.exists():
        raise PlainError(f"There is no log yet in {home.log.parent}: `make up` begins one.")
    logs.show(home.log, names=options.names, lines=options.lines, follow=options.follow)


def _token(options: argparse.Namespace) -> None:
    from muniment import tokens  # noqa: PLC0415

    home = find_home()
    home.prepare()
    print(tokens.Issuer(home).mint(options.role, sub=options.sub, **tokens.claims_from(options.claim)))
    print(tokens.WARNING, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
