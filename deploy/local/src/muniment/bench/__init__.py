"""Benchmarks. Each figure stands beside the ceiling that was measured in the same run, and the ratio is what counts."""

import argparse


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from muniment.bench.command import main  # noqa: PLC0415 - the benchmarks' processes load this package too

    parser = subparsers.add_parser(
        "bench", help="measure against the ceilings of this machine; write docs/benchmarks.md"
    )
    parser.add_argument("--print-only", action="store_true", help="leave docs/benchmarks.md as it is")
    parser.set_defaults(func=main)
