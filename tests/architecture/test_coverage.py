"""What is kept of people is what the published notices cover: databases and contracts against the data dictionaries."""

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from common.access.purposes import PURPOSES
from common.contracts import ALL_EVENTS
from common.registers.coverage import Home, uncovered, wrong_in
from common.registers.systems import authorities, systems
from muniment import dictionary
from muniment.schemas import ROOT

COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' ORDER BY table_name, ordinal_position
"""


async def columns_of(url: str) -> list[tuple[str, str]]:
    connection = await asyncpg.connect(url)
    try:
        return [(row["table_name"], row["column_name"]) for row in await connection.fetch(COLUMNS)]
    finally:
        await connection.close()


def split(package: str, columns: list[tuple[str, str]]) -> list[str]:
    """What is wrong with a service's columns: its own tables in its file, those of every service in that of common."""
    own, shared = dictionary.read(ROOT, dictionary.SERVICES[package]), dictionary.read(ROOT, dictionary.COMMON)
    assert not own.tables.keys() & shared.tables.keys(), f"{package}: a table stands in both dictionaries"
    in_common = [pair for pair in columns if pair[0] in shared.tables]
    rest = [pair for pair in columns if pair[0] not in shared.tables]
    present: dict[str, Home] = {name: shared.tables[name] for name in dict(in_common)}
    return [
        *uncovered(rest, own.tables, path=own.path, inner="columns"),
        *uncovered(in_common, present, path=shared.path, inner="columns"),
    ]


@pytest.mark.req("S1-009", "S3-022")
@pytest.mark.parametrize("package", dictionary.SERVICES)
async def test_every_column_is_covered_by_a_notice(package: str, service_db: Callable[[str], Awaitable[str]]) -> None:
    wrong = split(package, await columns_of(await service_db(package)))
    assert not wrong, "\n\n" + "\n".join(wrong)


async def test_no_table_of_every_service_is_gone(service_db: Callable[[str], Awaitable[str]]) -> None:
    there = {table for package in dictionary.SERVICES for table, _ in await columns_of(await service_db(package))}
    assert set(dictionary.read(ROOT, dictionary.COMMON).tables) <= there


@pytest.mark.req("S1-009", "S3-022")
def test_every_field_of_an_event_is_covered_by_a_notice() -> None:
    wrong = list(dictionary.wrong(ROOT))
    assert not wrong, "\n\n" + "\n".join(wrong)


@pytest.mark.req("S1-009")
def test_every_event_about_somebody_names_its_system_of_records() -> None:
    homes = dictionary.read(ROOT, dictionary.COMMON).events
    named = {name: kind.system for name, kind in ALL_EVENTS.items()}
    assert {name for name, number in named.items() if number} == {
        name for name, home in homes.items() if home.is_listed
    }
    assert set(named.values()) - {""} <= systems().numbers()
    assert {number for name, number in named.items() if ".chat." in name or ".disclosure." in name} == {"60-0383"}


@pytest.mark.req("S3-124")
def test_what_the_time_tool_holds_is_covered_by_the_notice_of_payroll_and_time() -> None:
    assert systems().of_tool("eSTAT") == {"DHS/ALL-019"}
    production = dictionary.read(ROOT, dictionary.SERVICES["production"]).tables
    events = dictionary.read(ROOT, dictionary.COMMON).events
    held = [production["action"], events["muniment.action.completed.v1"]]
    for home in held:
        assert home.tool == "eSTAT"
        assert all("DHS/ALL-019" in entry.system for entry in home.entries.values() if entry.about != "nobody")


def test_a_new_column_or_table_fails_and_the_failure_says_what_to_write() -> None:
    columns = [
        ("employee", "id"),
        ("employee", "pin"),
        ("employee", "revision"),
        ("employee", "shoe_size"),
        ("badge", "no"),
    ]
    wrong = split("production", columns)
    assert any("`tables` → `employee` → `columns`:\n      shoe_size: what it means" in text for text in wrong)
    assert any(text.startswith("services/production/data-dictionary.yaml: add this under `tables`") for text in wrong)
    assert any("  badge:\n    says:" in text and "      no: what it means" in text for text in wrong)
    assert any("`action` is no longer there" in text for text in wrong)
    assert any("`employee` has no `pin` any more" in text for text in split("production", [("employee", "id")]))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("assessed: PIA-086 2.1 form type", "assessed: PIA-099 2.1", "must name a registered assessment"),
        ("assessed: PIA-086 2.1 form type", "assessed: PIA-086", "must name a registered assessment"),
        ("system: DHS/ALL-004", "system: DHS/ALL-999", "no registered system of records: DHS/ALL-999"),
        ("[DHS/USCIS-007, DHS/ALL-019]", "DHS/USCIS-007", "eSTAT is covered by DHS/ALL-019"),
        pytest.param(
            "tool: eSTAT",
            "tool: QUEUE",
            "QUEUE is covered by DHS/ALL-004, DHS/USCIS-007",
            marks=pytest.mark.req("S3-117"),
        ),
        ("tool: eSTAT", "tool: eSTATS", "no notice covers a tool called eSTATS"),
    ],
)
def test_a_row_that_does_not_hold_fails(tmp_path: Path, before: str, after: str, told: str) -> None:
    path = dictionary.SERVICES["production"]
    copy = tmp_path / path
    copy.parent.mkdir(parents=True)
    text = (ROOT / path).read_text()
    assert before in text
    copy.write_text(text.replace(before, after, 1))
    assert any(told in sentence for sentence in wrong_in(dictionary.read(tmp_path, path), systems()))


@pytest.mark.parametrize(
    "text",
    [
        "tables: {a: {says: nothing more}}",
        "tables: {a: {nobody: a reason, columns: {b: what it means}}}",
        "tables: {a: {columns: {b: what it means}}}",
        "table: {}",
    ],
)
def test_a_row_that_says_too_little_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"d\.yaml"):
        dictionary.read(tmp_path, "d.yaml")


def test_a_field_without_a_row_fails_the_check_of_generated_files(tmp_path: Path) -> None:
    for path in (dictionary.COMMON, *dictionary.SERVICES.values()):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    common = tmp_path / dictionary.COMMON
    common.write_text(common.read_text().replace("      rule_version: {", "      version_of_rules: {"))
    wrong = [sentence for sentence in dictionary.wrong(tmp_path) if sentence not in set(dictionary.wrong(ROOT))]
    assert [("rule_version: what it means" in text, "has no `version_of_rules`" in text) for text in wrong] == [
        (True, False), (False, True),
    ]  # fmt: skip


@pytest.mark.req("S1-013", "S3-021")
def test_purposes_and_systems_rest_on_registered_authorities_and_every_authority_carries_something() -> None:
    cited = {authority.cited_as for authority in authorities().values()}
    for code, purpose in PURPOSES.items():
        assert set(purpose.authorities) <= cited, code
    used = {name for purpose in PURPOSES.values() for name in purpose.authorities}
    by_key = {authorities()[key].cited_as for system in systems().systems for key in system.authorities}
    assert used | by_key == cited
    from_notice = [p for p in PURPOSES.values() if p.kind == "notice" and p.source.startswith("S1")]
    assert from_notice
    assert all(set(p.authorities) == {"42 U.S.C. 405(a)", "42 U.S.C. 902(a)(5)"} for p in from_notice)
    for_tools = {name for p in PURPOSES.values() if p.source.startswith("S3 1.1") for name in p.authorities}
    assert for_tools == {authority.cited_as for authority in authorities().values() if authority.source == "S3 1.1"}
