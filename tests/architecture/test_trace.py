"""The tests' word on the obligations: what counts, what does not, and how `make trace` tells it."""

import json
import sys
from pathlib import Path

import pytest

from muniment import trace
from muniment.trace_record import RECORD, REPORT, read_record

REPOSITORY = Path(__file__).parents[2]

REGISTER = """\
id,source,section,service,obligation
A-1,Source,One,chat-gateway,The gateway greets everybody who arrives.
A-2,Source,One,disclosure,Nothing leaves | without a decision.
A-3,Source,Two,disclosure,Nobody approves what they asked for.
"""
SETTINGS = '[pytest]\ntestpaths = ["tests"]\nmarkers = ["req(id): names obligations", "kafka: an engine"]\n'
PASSING = 'import pytest\n\n@pytest.mark.req("A-1")\ndef test_greets():\n    assert True\n'

PLUGINS = ["-p", "tests.plugins.obligation_trace", "-p", "no:cacheprovider"]

pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A small project of its own: a register of three obligations and a folder for tests."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # other plugins only slow the inner runs down
    pytester.makefile(".toml", pytest=SETTINGS)
    for folder in ("docs", "tests"):
        (pytester.path / folder).mkdir()
    (pytester.path / "docs/obligations.csv").write_text(REGISTER)
    return pytester


def write_tests(project: pytest.Pytester, text: str, name: str = "test_things.py") -> None:
    (project.path / "tests" / name).write_text(text)


def run_tests(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_inprocess(*PLUGINS, *arguments)


def suite_of(project: pytest.Pytester) -> str:
    """A command that runs the small project's tests the way `make test` runs the real ones."""
    script = project.path / "suite.py"
    script.write_text(
        f"import sys, pytest\nsys.path.insert(0, {str(REPOSITORY)!r})\nsys.exit(pytest.main({PLUGINS!r}))\n"
    )
    return f"{sys.executable} {script}"


def trace_of(project: pytest.Pytester, *arguments: str, suite: str = "false") -> int:
    return trace.main(["--root", str(project.path), "--suite", suite, *arguments])


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_unknown_id_stops_the_run_and_is_named_with_its_test(project: pytest.Pytester) -> None:
    write_tests(project, PASSING.replace("A-1", "Z-9"))
    result = run_tests(project)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*tests/test_things.py::test_greets names Z-9, which docs/obligations.csv*"])
    assert not (project.path / RECORD).exists()


def test_unknown_id_stops_even_a_run_that_leaves_its_test_out(project: pytest.Pytester) -> None:
    write_tests(project, PASSING.replace("A-1", "Z-9") + "\ndef test_other():\n    pass\n")
    assert run_tests(project, "-k", "other").ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("mark", ["req()", "req(55)", 'req(number="A-1")'])
def test_mark_without_an_id_stops_the_run(project: pytest.Pytester, mark: str) -> None:
    write_tests(project, f"import pytest\n\n@pytest.mark.{mark}\ndef test_greets():\n    pass\n")
    result = run_tests(project)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_greets: @pytest.mark.req takes one or more ids*"])


ENDINGS = {
    "skipped by its mark": ('@pytest.mark.skip(reason="no engine")', "assert True"),
    "skipped from inside": ("", 'pytest.skip("no engine")'),
    "failed": ("", "assert False"),
    "failed in its set-up": ('@pytest.mark.usefixtures("broken")', "assert True"),
    "failed in its clean-up": ('@pytest.mark.usefixtures("leaky")', "assert True"),
    "expected to fail": ("@pytest.mark.xfail", "assert False"),
    "expected to fail but passed": ("@pytest.mark.xfail", "assert True"),
}
FIXTURES = """\
import pytest

@pytest.fixture
def broken():
    raise RuntimeError

@pytest.fixture
def leaky():
    yield
    raise RuntimeError
"""


@pytest.mark.parametrize(("mark", "body"), ENDINGS.values(), ids=ENDINGS.keys())
def test_ending_that_shows_nothing(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str], mark: str, body: str
) -> None:
    write_tests(project, f'{FIXTURES}\n@pytest.mark.req("A-1")\n{mark}\ndef test_greets():\n    {body}\n')
    run_tests(project)
    assert trace_of(project) == 0
    assert last_line(capsys) == "0 of 3 obligations shown"


def test_passed_test_shows_each_obligation_it_names(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tests(project, PASSING.replace('"A-1"', '"A-1", "A-3"'))
    run_tests(project)
    assert trace_of(project) == 0
    assert last_line(capsys) == "2 of 3 obligations shown"


def test_marks_of_class_and_module_count(project: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    write_tests(
        project,
        'import pytest\n\npytestmark = pytest.mark.req("A-1")\n\n@pytest.mark.req("A-2")\nclass TestAll:\n'
        '    @pytest.mark.req("A-3")\n    def test_it(self):\n        pass\n',
    )
    run_tests(project)
    assert trace_of(project) == 0
    assert last_line(capsys) == "3 of 3 obligations shown"


@pytest.mark.parametrize(("other", "count"), [("assert True", 1), ('pytest.skip("no engine")', 1), ("assert False", 0)])
def test_one_failure_outweighs_passes_and_one_skip_does_not(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str], other: str, count: int
) -> None:
    write_tests(project, f'{PASSING}\n@pytest.mark.req("A-1")\ndef test_other():\n    {other}\n')
    run_tests(project)
    trace_of(project)
    assert last_line(capsys) == f"{count} of 3 obligations shown"


def test_one_failing_case_of_a_parametrized_test_is_a_failure(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tests(
        project,
        'import pytest\n\n@pytest.mark.req("A-1")\n@pytest.mark.parametrize("n", [1, 2])\n'
        "def test_cases(n):\n    assert n == 1\n",
    )
    run_tests(project)
    trace_of(project)
    assert last_line(capsys) == "0 of 3 obligations shown"


def test_report_lists_shown_and_missing_by_service(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tests(project, f'{PASSING}\n@pytest.mark.req("A-3")\n@pytest.mark.skip\ndef test_other():\n    pass\n')
    run_tests(project)
    capsys.readouterr()
    assert trace_of(project) == 0
    assert capsys.readouterr().out.splitlines() == [
        "chat-gateway: 1 of 1 shown",
        "  shown    A-1  The gateway greets everybody who arrives.",
        "",
        "disclosure: 0 of 2 shown",
        "  missing  A-2  Nothing leaves | without a decision.",
        "  missing  A-3  Nobody approves what they asked for. [skipped: tests/test_things.py::test_other]",
        "",
        "1 of 3 obligations shown",
    ]


def test_document_names_the_tests_and_is_the_same_after_every_run(project: pytest.Pytester) -> None:
    write_tests(project, PASSING)
    run_tests(project)
    assert trace_of(project) == 0
    text = (project.path / REPORT).read_text()
    assert "| A-1 | The gateway greets everybody who arrives. | `tests/test_things.py::test_greets` |" in text
    assert "| A-2 | Nothing leaves \\| without a decision. | — |" in text
    (project.path / RECORD).unlink()
    run_tests(project)
    assert trace_of(project) == 0
    assert (project.path / REPORT).read_text() == text


def test_check_refuses_an_outdated_document_and_leaves_it_alone(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tests(project, PASSING)
    run_tests(project)
    assert trace_of(project, "--check") == trace.EXIT_FAILED
    assert "docs/traceability.md is not current" in capsys.readouterr().err
    assert not (project.path / REPORT).exists()
    assert trace_of(project) == 0
    assert trace_of(project, "--check") == 0


def test_suite_runs_when_there_is_no_record(project: pytest.Pytester, capfd: pytest.CaptureFixture[str]) -> None:
    write_tests(project, PASSING)
    assert trace_of(project, suite=suite_of(project)) == 0
    assert last_line(capfd) == "1 of 3 obligations shown"


def test_record_of_other_files_does_not_count(project: pytest.Pytester, capfd: pytest.CaptureFixture[str]) -> None:
    write_tests(project, PASSING)
    suite = suite_of(project)
    assert trace_of(project, suite=suite) == 0
    write_tests(project, PASSING.replace("assert True", "assert False"))
    assert trace_of(project, suite=suite) == 0
    assert last_line(capfd) == "0 of 3 obligations shown"


def test_unknown_id_fails_the_trace(project: pytest.Pytester, capfd: pytest.CaptureFixture[str]) -> None:
    write_tests(project, PASSING.replace("A-1", "Z-9"))
    assert trace_of(project, suite=suite_of(project)) == trace.EXIT_FAILED
    captured = capfd.readouterr()
    assert "test_greets names Z-9" in captured.err
    assert "obligations shown" not in captured.out
    assert not (project.path / REPORT).exists()


def test_unknown_id_in_the_record_fails_the_trace(project: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    write_tests(project, PASSING)
    run_tests(project)
    path = project.path / RECORD
    path.write_text(path.read_text().replace("A-1", "Z-9"))
    assert trace_of(project) == trace.EXIT_UNKNOWN_ID
    assert "tests/test_things.py::test_greets names Z-9" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["tests/test_things.py"], ["-k", "greets"], ["-x"], ["--ignore=tests/test_zeal.py"], ["--collect-only"]],
    ids=" ".join,
)
def test_part_of_the_suite_is_no_complete_record(project: pytest.Pytester, arguments: list[str]) -> None:
    write_tests(project, f'{PASSING}\n@pytest.mark.req("A-2")\ndef test_ill():\n    assert False\n')
    write_tests(project, PASSING, "test_zeal.py")
    run_tests(project, *arguments)
    assert trace_of(project) == trace.EXIT_FAILED


def test_file_that_cannot_be_imported_leaves_no_complete_record(project: pytest.Pytester) -> None:
    write_tests(project, PASSING)
    write_tests(project, "import nothing_of_that_name", "test_broken.py")
    run_tests(project, "--continue-on-collection-errors")
    assert trace_of(project) == trace.EXIT_FAILED


def test_parts_of_the_suite_add_up(project: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    write_tests(project, f'{PASSING}\n@pytest.mark.kafka\n@pytest.mark.req("A-2")\ndef test_two():\n    pass\n')
    run_tests(project, "-m", "not kafka")
    assert trace_of(project) == trace.EXIT_FAILED
    run_tests(project, "-m", "kafka")
    assert trace_of(project) == 0
    assert last_line(capsys) == "2 of 3 obligations shown"


def test_files_that_change_during_the_run_void_its_outcomes(project: pytest.Pytester) -> None:
    write_tests(project, PASSING + '    open("tests/test_new.py", "w").close()\n')
    result = run_tests(project)
    result.stdout.fnmatch_lines(["the files changed while the tests ran*"])
    assert read_record(project.path / RECORD) is None


def test_record_that_cannot_be_read_counts_as_none(project: pytest.Pytester) -> None:
    write_tests(project, PASSING)
    path = project.path / RECORD
    path.parent.mkdir()
    for text in ("{", "[]", json.dumps({"tree": "x", "known": []})):
        path.write_text(text)
        assert read_record(path) is None
        assert trace_of(project) == trace.EXIT_FAILED


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("A-2", "A-1"), "has A-1 twice"),
        (("chat-gateway", "gateway"), "unknown service 'gateway'"),
        (("section,", ""), "must have the columns"),
    ],
)
def test_malformed_register_is_refused(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    path = tmp_path / "obligations.csv"
    path.write_text(REGISTER.replace(*change))
    with pytest.raises(trace.TraceError, match=complaint):
        trace.read_register(path)


@pytest.mark.parametrize(("ending", "count"), [("assert True", 2), ("assert False", 1)])
def test_a_run_spread_over_processes_counts_as_one(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str], ending: str, count: int
) -> None:
    write_tests(project, PASSING)
    other = PASSING.replace("A-1", "A-3").replace("assert True", ending).replace("greets", "approves")
    write_tests(project, other, "test_others.py")
    run_tests(project, "-p", "xdist", "-n", "2", "--dist", "loadfile")
    record = read_record(project.path / RECORD)
    assert record is not None
    assert record.known is not None
    assert set(record.known) == {"tests/test_things.py::test_greets", "tests/test_others.py::test_approves"}
    assert trace_of(project) == 0
    assert last_line(capsys) == f"{count} of 3 obligations shown"
