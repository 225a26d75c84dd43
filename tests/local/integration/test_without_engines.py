"""On a machine without Java, Docker and Redis the tests that need them are left out and named; where required, they fail."""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
TESTS = """
def test_with_kafka(kafka_server): raise AssertionError
def test_with_kafka_again(kafka_server): raise AssertionError
def test_with_redis(redis_server): raise AssertionError
def test_without(): pass
"""


def _run(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    (folder / "test_small.py").write_text(TESTS)
    (folder / "pytest.toml").write_text("[pytest]\naddopts = []\n")
    (folder / "bin").mkdir()
    start = (
        f"import sys, pytest; sys.path.insert(0, {str(CHECKOUT)!r}); "
        "sys.exit(pytest.main(['-q', '-p', 'tests.plugins.engines', '-p', 'no:cacheprovider', '.']))"
    )
    return subprocess.run(
        [sys.executable, "-c", start],
        cwd=folder,
        env={"PATH": str(folder / "bin"), "MUNIMENT_HOME": str(folder / "state"), "HOME": str(folder), **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_one_closing_line_says_what_did_not_run_and_why(tmp_path: Path) -> None:
    done = _run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    closing = [line for line in done.stdout.splitlines() if line.startswith("Engine tests that did not run")]
    expected = (
        "Engine tests that did not run: 2 for want of Apache Kafka: Kafka needs Java 17 or later and there is none here: "
        "install it (openjdk-17-jre-headless).; 1 for want of Redis: There is no redis-server here: install it, so that "
        "it is found in PATH."
    )
    assert closing == [expected]
    assert "1 passed, 3 skipped" in done.stdout


def test_where_engines_are_required_their_absence_is_a_failure(tmp_path: Path) -> None:
    done = _run(tmp_path, MUNIMENT_REQUIRE_ENGINES="1")
    assert done.returncode == 1
    assert "required and not to be had: Apache Kafka: Kafka needs Java 17" in done.stdout
    assert "Engine tests that did not run" not in done.stdout
