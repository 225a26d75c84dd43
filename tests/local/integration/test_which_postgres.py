"""Which PostgreSQL is taken, where its data and programs lie, and as whom it runs."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment import engines, postgres
from muniment.errors import PlainError
from muniment.home import Home, passwords
from muniment.processes import Running, free_port
from tests.plugins.engines import temporary_home

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="what root must not do shows as root only")


@pytest.fixture
def home() -> Iterator[Home]:
    home = temporary_home("which")
    yield home
    shutil.rmtree(home.path, ignore_errors=True)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In the place of /var/lib/muniment."""
    folder = Path(tempfile.mkdtemp(prefix="muniment-test-shared-"))
    folder.chmod(0o711)
    monkeypatch.setattr(postgres, "SHARED", folder)
    yield folder
    shutil.rmtree(folder)


def start(home: Home) -> tuple[Running, postgres.Cluster]:
    home.prepare()
    cluster = postgres.cluster_of(home)
    cluster.create(passwords(home)["admin"])
    running = Running(cluster.spec(free_port()), home.path / "postgres.log")
    running.start()
    return running, cluster


def owner_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def test_a_named_server_comes_first_and_none_is_started(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://boss:pw@127.0.0.1:6000/postgres?sslmode=disable")
    made = engines.make_ready(home, "postgres")
    assert made.units == ()
    assert made.admin_url == "postgresql://boss:pw@127.0.0.1:6000/postgres?sslmode=disable"
    own = passwords(home)["retention"]
    assert made.database_url("retention", "retention") == (
        f"postgresql://retention:{own}@127.0.0.1:6000/retention?sslmode=disable"
    )
    assert made.addresses() == {"postgres": "127.0.0.1:6000"}
    monkeypatch.setenv("MUNIMENT_ADMIN_DATABASE_URL", "postgresql://other:pw@127.0.0.1:7000/postgres")
    assert engines.make_ready(home, "postgres").admin_url.endswith(":7000/postgres")
    assert not home.postgres.exists()


def test_an_installed_server_comes_before_the_embedded_one(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded = postgres.find_binaries()
    folder = home.path / "bin"
    folder.mkdir()
    for program in ("initdb", "postgres"):
        (folder / program).write_text(f'#!/bin/sh\nexec {embedded}/{program} "$@"\n')
        (folder / program).chmod(0o755)
    monkeypatch.setenv("PG_BIN", str(folder))
    assert postgres.cluster_of(home).binaries.folder == folder
    (folder / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.2'\n")
    with pytest.raises(PlainError, match=r"holds PostgreSQL 14: version 15 or later is needed"):
        postgres.cluster_of(home)


@as_root
def test_the_server_never_runs_as_root_and_its_data_are_its_own(home: Home) -> None:
    running, cluster = start(home)
    try:
        assert owner_of(running.pid) != 0
        assert cluster.data == home.postgres
        assert stat.S_IMODE(cluster.data.stat().st_mode) == 0o700
    finally:
        running.stop()


@as_root
def test_in_a_private_folder_of_root_data_and_programs_go_where_the_server_can_reach_them(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    wheel = postgres.find_binaries().parents[1]
    for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        shutil.copytree(part, private / part.name, symlinks=True)
    monkeypatch.setenv("PG_BIN", str(private / wheel.name / "pginstall" / "bin"))

    running, cluster = start(Home(private / "state"))

    try:
        assert owner_of(running.pid) != 0
        assert cluster.data.is_relative_to(shared)
        assert cluster.binaries.folder.is_relative_to(shared)
        assert not (private / "state" / "postgres").exists()
        assert stat.S_IMODE(private.stat().st_mode) == 0o700  # nobody's folders were opened for it
    finally:
        running.stop()
