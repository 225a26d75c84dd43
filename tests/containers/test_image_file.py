"""The one image file, and what decides which dependencies an image holds."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "deploy/images/service.Dockerfile").read_text()
LOCK = (ROOT / "requirements.lock").read_text()


@pytest.fixture
def installer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", ROOT / "deploy/images/install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_base_is_the_python_of_the_project() -> None:
    version = (ROOT / ".python-version").read_text().strip()
    assert f"ARG BASE_IMAGE=python:{version}-slim" in TEXT
    assert set(re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)) == {"${BASE_IMAGE}", "shared"}


def test_image_file_runs_as_a_user_without_rights() -> None:
    assert [line for line in TEXT.splitlines() if line.startswith("USER ")] == ["USER 10001:10001"]
    assert TEXT.index("USER 10001") > TEXT.rindex("RUN ")


def test_every_direct_dependency_is_installed_as_locked_with_hashes(installer: ModuleType) -> None:
    for member in (*(ROOT / "services").iterdir(), ROOT / "libs/common", ROOT / "deploy/local"):
        needed = tomllib.loads((member / "pyproject.toml").read_text())["project"]["dependencies"]
        pins = installer.pins(LOCK, needed)
        assert len(pins) == sum(not name.startswith("muniment-") for name in needed)
        for pin in pins:
            assert re.match(r"[\w.-]+(\[[\w,]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", pin)


def test_extras_are_kept(installer: ModuleType) -> None:
    lock = "some-name==1.2 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nother==3\n"
    assert [re.sub(r" +", " ", pin) for pin in installer.pins(lock, ["Some.Name[fast]>=1", "muniment-common"])] == [
        "Some.Name[fast]==1.2 --hash=sha256:00 --hash=sha256:11"
    ]


def test_dependency_outside_the_lock_is_refused(installer: ModuleType) -> None:
    with pytest.raises(KeyError, match="unheard-of"):
        installer.pins(LOCK, ["unheard-of>=1"])


def test_installer_is_the_version_that_makes_the_environment() -> None:
    makefile = (ROOT / "Makefile").read_text()
    version = re.search(r"^UV_VERSION := (\S+)$", makefile, re.MULTILINE)
    assert version is not None
    assert f"\nuv=={version[1]} " in LOCK
