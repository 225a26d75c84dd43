import shutil
from collections.abc import Iterator

import pytest

from muniment.home import Home
from tests.plugins.engines import temporary_home
from tests.tls.certificates import Authority


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    made = temporary_home("tls")
    made.path.chmod(0o711)
    yield made
    shutil.rmtree(made.path, ignore_errors=True)


@pytest.fixture(scope="module")
def authority(home: Home) -> Authority:
    return Authority(home.path, "authority")


@pytest.fixture(scope="module")
def stranger(home: Home) -> Authority:
    """An authority that nobody trusts."""
    return Authority(home.path, "stranger")
