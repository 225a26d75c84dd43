"""`make secrets`: new passwords once, never changed afterwards, readable by their owner alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


def make_secrets(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "deploy/compose/make_secrets.py"), *options, str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def settings(folder: Path) -> dict[str, str]:
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_password_is_new_and_only_its_owner_reads_it(folder: Path) -> None:
    make_secrets(folder)
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    passwords = [value for name, value in settings(folder).items() if name.endswith("_PASSWORD")]
    assert len(set(passwords)) == len(passwords) == 14
    assert min(map(len, passwords)) >= 40


def test_what_only_people_know_is_asked_for(folder: Path) -> None:
    assert "MUNIMENT_ISSUER, MUNIMENT_JWKS" in make_secrets(folder)
    assert "MUNIMENT_ISSUER" not in make_secrets(folder, "--development")
    assert settings(folder)["MUNIMENT_PROFILE"] == "embedded"


def test_what_was_set_stays(folder: Path) -> None:
    make_secrets(folder)
    first = settings(folder)
    with (folder / ".env").open("a") as file:
        file.write("MUNIMENT_ISSUER=https://login.agency.example\nOF_MY_OWN=1\n")
    make_secrets(folder)
    assert settings(folder) == first | {"MUNIMENT_ISSUER": "https://login.agency.example", "OF_MY_OWN": "1"}
