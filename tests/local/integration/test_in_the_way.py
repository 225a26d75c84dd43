"""What stands in the way of a start is said in one sentence that names what to do; nothing is left running."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from muniment import daemon, engines, postgres
from muniment.errors import PlainError
from muniment.home import Home, passwords, read_json
from muniment.processes import Running, free_port
from muniment.up import check_disk
from tests.local.machine import muniment
from tests.plugins.engines import temporary_home
from tests.plugins.ports import free_block


@pytest.fixture
def home() -> Iterator[Home]:
    home = temporary_home("way")
    yield home
    daemon.stop(home)
    shutil.rmtree(home.path, ignore_errors=True)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refused command writes."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def make_cluster(home: Home) -> postgres.Cluster:
    cluster = postgres.cluster_of(home)
    cluster.create(passwords(home)["admin"])
    return cluster


def test_a_taken_port_is_named_with_who_has_it(home: Home) -> None:
    base = free_block()
    with socket.create_server(("127.0.0.1", base + 12)):
        said = refused(muniment(home, "up", MUNIMENT_BASE_PORT=str(base)))
    assert said.startswith(f"Port {base + 12}, which production-worker listens on, is taken by ")
    assert f"(process {os.getpid()})" in said
    assert "MUNIMENT_BASE_PORT" in said
    assert not home.postgres.exists()


def test_a_port_that_is_none_is_refused(home: Home) -> None:
    assert "must be a number" in refused(muniment(home, "up", MUNIMENT_BASE_PORT="eighty"))


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = refused(muniment(Home(tmp_path / "file" / "state"), "up"))
    assert f"The state folder {tmp_path}/file/state cannot be written (Not a directory)" in said
    assert "MUNIMENT_HOME" in said


def test_a_data_folder_without_its_version_is_called_damaged(home: Home) -> None:
    cluster = make_cluster(home)
    (cluster.data / "PG_VERSION").unlink()
    said = refused(muniment(home, "up"))
    assert f"{cluster.data} is damaged (no PG_VERSION in it)" in said
    assert "restore it from a backup" in said


def test_a_data_folder_of_another_version_names_both(home: Home) -> None:
    cluster = make_cluster(home)
    (cluster.data / "PG_VERSION").write_text("14\n")
    said = refused(muniment(home, "up"))
    assert "was made by version 14" in said
    assert "PG_BIN" in said


def test_a_data_folder_that_the_server_itself_refuses_is_told_in_its_words(home: Home) -> None:
    cluster = make_cluster(home)
    (cluster.data / "global" / "pg_control").write_bytes(b"")
    said = refused(muniment(home, "up"))
    assert "postgres does not start:" in said
    assert "pg_control" in said
    assert daemon.status(home) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_data_folder_of_root_is_refused(home: Home) -> None:
    cluster = make_cluster(home)
    os.chown(cluster.data, 0, 0)
    said = refused(muniment(home, "up"))
    assert "belongs to user root" in said


def test_data_and_passwords_that_do_not_belong_together_are_told_apart(home: Home) -> None:
    make_cluster(home)
    home.secrets.unlink()
    said = refused(muniment(home, "up"))
    assert "PostgreSQL refuses the password kept in secrets.json" in said


def test_a_damaged_file_of_passwords_is_named(home: Home) -> None:
    home.secrets.write_text("{")
    assert f"{home.secrets} is damaged" in refused(muniment(home, "up"))


def test_an_interrupted_first_start_is_begun_anew(home: Home) -> None:
    half_made = home.postgres.with_name(".postgres-new")
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18")
    cluster = make_cluster(home)
    assert (cluster.data / "global" / "pg_control").exists()
    assert not half_made.exists()


def test_an_installed_server_that_is_none_is_named(home: Home, tmp_path: Path) -> None:
    said = refused(muniment(home, "up", PG_BIN=str(tmp_path)))
    assert f"PG_BIN names {tmp_path}" in said


def test_an_address_that_is_none_names_its_variable(home: Home) -> None:
    assert "DATABASE_URL is not an address" in refused(muniment(home, "up", DATABASE_URL="mysql://x/y"))


def test_the_engine_of_a_state_folder_is_not_changed_under_it(home: Home) -> None:
    engines.remember_event_log(home, "postgres")
    said = refused(muniment(home, "up", "--engines", "kafka"))
    assert "is kept by PostgreSQL" in said
    assert "MUNIMENT_HOME" in said
    assert "no engines called rabbit" in refused(muniment(home, "up", "--engines", "rabbit"))


def test_a_full_disk_is_told_before_anything_is_made(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 * 2**20))
    with pytest.raises(PlainError, match=r"is full \(5 MiB free, 300 are needed\): make room"):
        check_disk(home.path)


def test_postgres_survives_a_crash_whose_number_another_program_took(home: Home) -> None:
    cluster = make_cluster(home)
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster.data}\n")
    running = Running(cluster.spec(free_port()), home.path / "postgres.log")
    running.start()
    running.stop()


def test_an_engine_moves_when_its_port_was_taken_meanwhile(home: Home) -> None:
    port = engines.kept_port(home, "postgres")
    assert engines.kept_port(home, "postgres") == port
    with socket.create_server(("127.0.0.1", port)):
        moved = engines.kept_port(home, "postgres")
    assert moved != port
    assert read_json(home.choices)["ports"]["postgres"] == moved


def test_a_reset_asks_and_then_forgets_the_data_but_not_what_was_fetched(home: Home) -> None:
    cluster = make_cluster(home)
    (home.engines / "kafka-1").mkdir(parents=True)
    assert "say `--yes`" in refused(muniment(home, "reset"))
    assert cluster.data.exists()

    assert muniment(home, "reset", "--yes").returncode == 0

    assert not cluster.data.exists()
    assert not home.secrets.exists()
    assert (home.engines / "kafka-1").exists()


def test_without_a_start_there_is_nothing_to_stop_or_show(home: Home) -> None:
    assert muniment(home, "down").stdout == "Muniment was not up.\n"
    status = muniment(home, "status")
    assert (status.returncode, status.stdout) == (1, "Muniment is not up.\n")
    assert "There is no log yet" in refused(muniment(home, "logs"))
