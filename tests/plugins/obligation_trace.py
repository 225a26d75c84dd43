"""A pytest plugin: a test names the obligations that it shows, and how it ended is written down.

``@pytest.mark.req("S1-055", "S1-056")`` on a test, a class or a module. An id that docs/obligations.csv does
not hold fails the run while it is still collecting. The outcomes go to .muniment/trace.json, together with a
fingerprint of the files they are true of; ``make trace`` reports them.
"""

import csv
from importlib.util import find_spec
from pathlib import Path

import pytest

REGISTER = Path("docs/obligations.csv")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(IdCheck(config.rootpath), "obligation-ids")
    # A service's own environment has no operator's tool: there the ids are checked and nothing is recorded,
    # so that the record speaks of the one environment that can run every test.
    if find_spec("muniment") is not None and not config.option.collectonly:
        # Not importable in those environments.
        from tests.plugins.obligation_recorder import Recorder, Teller  # noqa: PLC0415

        told = Teller(config) if hasattr(config, "workerinput") else Recorder(config)
        config.pluginmanager.register(told, "obligation-recorder")


def obligations_of(item: pytest.Item) -> tuple[str, ...]:
    """The ids that the test names, by its own marks and by those of its class and module.

    Raises:
        pytest.UsageError: a mark is empty, or holds something else than ids.
    """
    numbers: set[str] = set()
    for mark in item.iter_markers("req"):
        if not mark.args or mark.kwargs or not all(isinstance(number, str) for number in mark.args):
            raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.req takes one or more ids, each a string")
        numbers.update(mark.args)
    return tuple(sorted(numbers))


class IdCheck:
    """Refuses a test that names an obligation nobody has."""

    def __init__(self, root: Path) -> None:
        self.register = root / REGISTER

    @pytest.hookimpl(tryfirst=True)  # before -k and -m take tests away: a wrong id is wrong in any run
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        named = {item.nodeid: numbers for item in items if (numbers := obligations_of(item))}
        if not named:
            return
        known = self._ids()
        wrong = [
            f"{test} names {number}, which {REGISTER} does not hold"
            for test, numbers in named.items()
            for number in numbers
            if number not in known
        ]
        if wrong:
            raise pytest.UsageError(*wrong)

    def _ids(self) -> frozenset[str]:
        if not self.register.is_file():
            raise pytest.UsageError(f"tests name obligations, but there is no {REGISTER}")
        with self.register.open(encoding="utf-8", newline="") as lines:
            return frozenset(row["id"] for row in csv.DictReader(lines))
