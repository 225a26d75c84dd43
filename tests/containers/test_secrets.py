"""`make secrets`: new passwords once, never changed afterwards, readable by their owner alone."""

import json
import shutil
from pathlib import Path

import pytest

from common.audit.heads import signer_of
from disclosure.grants import Signer, read_keys
from muniment.home import SERVICES
from tests.containers.compose import ROOT, make_secrets, read_dotenv


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


def test_every_password_is_new_and_only_its_owner_reads_it(folder: Path) -> None:
    make_secrets(folder)
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    passwords = [value for name, value in read_dotenv(folder).items() if name.endswith(("_PASSWORD", "_KEY"))]
    assert len(set(passwords)) == len(passwords) == 21
    assert min(map(len, passwords)) >= 40


def test_key_for_grants_is_made_once_behind_a_folder_of_its_owner(folder: Path) -> None:
    make_secrets(folder)
    key = folder / ".secrets/grant-key.pem"
    first = key.read_text()
    make_secrets(folder)
    assert key.read_text() == first
    assert key.parent.stat().st_mode & 0o777 == 0o700
    signer = Signer(read_keys(str(key)))
    public = json.loads((folder / ".secrets/grant-keys.json").read_text())
    assert public == {"keys": signer.public_keys()}
    assert "d" not in public["keys"][0]


def test_keys_of_audit_heads_are_made_once_and_each_service_has_its_own(folder: Path) -> None:
    make_secrets(folder)
    keys = folder / ".secrets/audit"
    first = {path.name: path.read_text() for path in keys.iterdir()}
    assert set(first) == {"keys.json", *(f"{service}.pem" for service in SERVICES)}
    assert len(set(first.values())) == 6
    assert keys.stat().st_mode & 0o777 == 0o700
    for service in SERVICES:
        assert signer_of(service, str(keys / f"{service}.pem"), str(keys / "keys.json"))
    make_secrets(folder)
    assert {path.name: path.read_text() for path in keys.iterdir()} == first


def test_what_only_people_know_is_asked_for(folder: Path) -> None:
    assert "MUNIMENT_ISSUER, MUNIMENT_JWKS" in make_secrets(folder)


def test_what_was_set_stays(folder: Path) -> None:
    make_secrets(folder)
    first = read_dotenv(folder)
    with (folder / ".env").open("a") as file:
        file.write("MUNIMENT_ISSUER=https://login.agency.example\nOF_MY_OWN=1\n")
    make_secrets(folder)
    assert read_dotenv(folder) == first | {"MUNIMENT_ISSUER": "https://login.agency.example", "OF_MY_OWN": "1"}


def test_development_trusts_the_issuer_of_this_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_HOME", str(folder / "home"))
    assert "MUNIMENT_ISSUER" not in make_secrets(folder, "--development")
    settings = read_dotenv(folder)
    assert settings["MUNIMENT_PROFILE"] == "embedded"
    keys = Path(settings["MUNIMENT_JWKS_FILE"])
    assert keys.stat().st_mode & 0o444 == 0o444  # public, and read by the container's own user
    assert '"d"' not in keys.read_text()
