"""Every column under a service's own key is in the list by which it is written anew; none is forgotten when the key changes."""

import re
from collections.abc import Awaitable, Callable
from importlib import import_module

import asyncpg
import pytest

from common.protection.reseal_command import Holdings
from common.registers.coverage import Home
from muniment import dictionary
from muniment.schemas import ROOT

BYTES = """
SELECT table_name || '.' || column_name AS name FROM information_schema.columns
WHERE table_schema = 'public' AND data_type = 'bytea'
"""
KEY = """
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS kind
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = $1::regclass AND i.indisprimary
"""
FORBIDS = """
SELECT p.proname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgrelid = $1::regclass AND NOT t.tgisinternal AND (t.tgtype & 16) <> 0 AND p.proname ~ 'append_only|stay|final'
"""
"""Triggers that refuse every update: rows of such a table take a later version through `sealed_anew_only` instead."""

NOT_UNDER_IT = {
    # What is said of a person in a conversation is sealed under the session's key, which ends with the record.
    "chat_gateway": {
        "participant.sealed",
        "session_note.sealed",
        "session_lookup.file",
        "quarantined_text.sealed",
        "authority.sealed",
        "session_entry.value",
        "kept_place.digest",
    },
    "transcripts": {"entry.canonical", "entry.digest", "entry.sealed", "release_copy.content"},
    "production": set[str](),
    "disclosure": set[str](),
    "retention": set[str](),
}
EVERYWHERE = re.compile(r"audit_(leaf|node|head|witness)\.(hash|root)|(outbox|dead_letter)\.value|idempotency_key\..*")
SAID = re.compile(r", sealed$|\bkeyed (hash|digest)\b")
"""How the data dictionaries say it of a column under the service's own key."""


def holdings_of(package: str, url: str) -> Holdings:
    service = import_module(f"{package}.app").SERVICE
    settings = service.settings(
        profile="embedded", database_url=url, key_folder="/keys", keyring_url="postgresql:///keyring"
    )
    return service.make_holdings(settings)  # type: ignore[no-any-return]


def said_to_be(package: str) -> set[str]:
    """The columns that the dictionary calls sealed or keyed."""
    tables: dict[str, Home] = dict(dictionary.read(ROOT, dictionary.SERVICES[package]).tables)
    return {
        f"{table}.{column}"
        for table, home in tables.items()
        for column, entry in home.entries.items()
        if SAID.search(entry.means)
    }


@pytest.mark.parametrize("package", dictionary.SERVICES)
async def test_every_column_under_the_services_key_can_be_written_anew(
    package: str, service_db: Callable[[str], Awaitable[str]]
) -> None:
    url = await service_db(package)
    listed = {f"{kept.table}.{column}" for kept in holdings_of(package, url).tables for column in kept.columns}
    connection = await asyncpg.connect(url)
    try:
        there = {row["name"] for row in await connection.fetch(BYTES)}
        for kept in holdings_of(package, url).tables:
            found = {row["name"]: row["kind"] for row in await connection.fetch(KEY, kept.table)}
            assert {name: "integer" if kind == "int" else kind for name, kind in kept.key.items()} == found
            assert await connection.fetch(FORBIDS, kept.table) == [], f"{kept.table} takes no later version"
            may = "SELECT bool_and(has_column_privilege($1::text, c, 'UPDATE')) FROM unnest($2::text[]) AS c"
            assert await connection.fetchval(may, kept.table, list(kept.columns)), kept.table
    finally:
        await connection.close()
    own = {name for name in there if not EVERYWHERE.fullmatch(name)}
    assert listed == own - NOT_UNDER_IT[package], (
        f"name the column in {package}/holdings.py, or here with what it is sealed under"
    )
    assert NOT_UNDER_IT[package] <= own
    assert said_to_be(package) - NOT_UNDER_IT[package] == listed, "the data dictionary says otherwise"
