"""The codebase checks itself: walls between packages, the lock, transactions at the edge, decisions with their
checks.
"""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {
    "chat-gateway": "chat_gateway",
    "transcripts": "transcripts",
    "production": "production",
    "disclosure": "disclosure",
    "retention": "retention",
}


def sources(package: str) -> list[Path]:
    return [*ROOT.glob(f"services/*/src/{package}/**/*.py"), *ROOT.glob(f"libs/*/src/{package}/**/*.py")]


@pytest.mark.parametrize("folder", SERVICES)
def test_no_service_depends_on_a_sibling(folder: str) -> None:
    project = tomllib.loads((ROOT / "services" / folder / "pyproject.toml").read_text())["project"]
    siblings = {f"muniment-{other}" for other in SERVICES} | {"muniment-local"}
    assert not [d for d in project["dependencies"] if re.split(r"[^a-z-]", d)[0] in siblings]
    assert project["name"] == f"muniment-{folder}"


@pytest.mark.parametrize("package", [*SERVICES.values(), "common"])
def test_no_service_is_imported_from_outside_of_itself(package: str) -> None:
    for path in sources(package):
        for name in imported(path):
            root = name.split(".")[0]
            assert root == package or root not in {*SERVICES.values(), "muniment"}, f"{path} imports {name}"


@pytest.mark.parametrize("package", [*SERVICES.values(), "common"])
def test_nothing_sends_mail(package: str) -> None:
    """There is no way out for a message beside the office's own mail program, which asks first (disclosure.outbound)."""
    for path in sources(package):
        roots = {name.split(".")[0] for name in imported(path)}
        assert not roots & {"smtplib", "imaplib", "poplib", "email", "aiosmtplib", "sendgrid", "mailbox"}, path


def imported(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


@pytest.mark.parametrize("package", [*SERVICES.values(), "common"])
def test_only_the_edge_commits(package: str) -> None:
    """`commit` of a database session is called in one place: where `Database.unit_of_work` ends the transaction."""
    for path in sources(package):
        tree = ast.parse(path.read_text())
        if path.name == "database.py" and package == "common":
            (edge,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "_commit")
            tree.body.remove(edge)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
                owner = ast.unparse(node.func.value)
                assert not re.search(r"(session|connection|conn|transaction|uow|db)$", owner), f"{path}:{node.lineno}"


@pytest.mark.parametrize("package", [*SERVICES.values(), "common"])
def test_the_time_is_asked_of_the_clock_only(package: str) -> None:
    for path in sources(package):
        if path.name == "clock.py":
            continue
        assert not re.search(r"datetime\.(now|utcnow|today)\(|date\.today\(|\btime\.time\(", path.read_text()), path


def test_the_lock_has_hashes_and_no_addresses() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    pinned = re.findall(r"^[a-z0-9].*==.*$", text, re.MULTILINE)
    assert len(pinned) > 50
    for entry in re.split(r"\n(?=[a-z0-9])", text.strip()):
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_every_decision_names_a_check_that_exists() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [int(d.name[:4]) for d in decisions] == list(range(1, len(decisions) + 1))
    makefile = (ROOT / "Makefile").read_text()
    for decision in decisions:
        text = decision.read_text()
        enforced = text.split("**Enforced by:**")
        assert len(enforced) == 2, f"{decision.name} names no check"
        for check in re.findall(r"`([^`]+)`", enforced[1]):
            if check.startswith("make "):
                assert re.search(rf"^{check.split()[1]}:", makefile, re.MULTILINE), f"{decision.name}: {check}"
            elif "/" in check or check.startswith("."):
                assert (ROOT / check).exists(), f"{decision.name}: {check}"


def test_every_service_answers_the_same_commands() -> None:
    for folder, package in SERVICES.items():
        main = (ROOT / "services" / folder / "src" / package / "__main__.py").read_text()
        assert "run(SERVICE)" in main


def test_no_file_grows_beyond_reading() -> None:
    """Half of all files stay short; past 350 lines a file has more than one subject."""
    for path in [
        *ROOT.glob("services/*/src/**/*.py"),
        *ROOT.glob("libs/*/src/**/*.py"),
        *ROOT.glob("deploy/*/src/**/*.py"),
    ]:
        assert len(path.read_text().splitlines()) <= 350, path
