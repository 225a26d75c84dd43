"""The Privacy Act statement: complete by the letter of 5 U.S.C. 552a(e)(3), and never other than what was shown."""

from datetime import UTC, date, datetime

import pytest

from chat_gateway.notice import REQUIRED, Section, Statement, Statements, load

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def statement(version: str, effective_from: date, language: str = "en", without: str = "") -> Statement:
    sections = tuple(Section(i, i, ("text",)) for i in REQUIRED if i != without)
    return Statement(version, language, effective_from, "Title", sections, f"{version}-{language}")


def text_of(shown: Statement, section: str) -> str:
    return " ".join(next(s.text for s in shown.sections if s.id == section))


@pytest.mark.req("S3-070")
@pytest.mark.parametrize("language", ["en", "es"])
def test_the_statement_says_what_the_law_asks_for(language: str) -> None:
    shown = load().current(NOW, language)
    assert shown.language == language
    assert "405(a)" in text_of(shown, "authority")
    assert "902(a)(5)" in text_of(shown, "authority")
    assert {"en": "voluntary", "es": "voluntario"}[language] in text_of(shown, "voluntary")
    assert all(f"{number}. " in text_of(shown, "routine_uses") for number in range(1, 13))
    assert all(text_of(shown, section) for section in REQUIRED)


@pytest.mark.req("S3-073")
@pytest.mark.parametrize(
    ("language", "quality", "production"),
    [
        ("en", "quality review", "production reporting"),
        ("es", "revisión interna de calidad", "informes internos de producción"),
    ],
)
def test_the_statement_tells_of_internal_use(language: str, quality: str, production: str) -> None:
    told = text_of(load().current(NOW, language), "internal_use")
    assert quality in told
    assert production in told


def test_what_was_shown_once_is_not_edited() -> None:
    """A changed text is a new version: these digests stand on sessions that were opened."""
    shown = {(s.version, s.language): s.digest for s in (load().current(NOW, code) for code in ("en", "es"))}
    assert shown == {
        ("2026.1", "en"): "3558cc2059a0c76d498a4379c2c8d3201a8d8adeb55c4b8037405634be7a0e82",
        ("2026.1", "es"): "f82131488e359419b27e0c5e04bba7cb0fd286d6c7501d9997abdab02ebe1247",
    }


def test_a_version_is_in_force_from_its_day_on() -> None:
    statements = Statements([statement("1", date(2026, 1, 1)), statement("2", date(2026, 3, 3))])
    assert statements.current(NOW, "en").version == "1"
    assert statements.current(datetime(2026, 3, 3, tzinfo=UTC), "en").version == "2"
    with pytest.raises(LookupError):
        statements.current(datetime(2025, 12, 31, tzinfo=UTC), "en")


def test_an_unknown_language_gets_the_default_one_of_the_same_version() -> None:
    first = [statement("1", date(2026, 1, 1)), statement("1", date(2026, 1, 1), "es")]
    statements = Statements([*first, statement("2", date(2026, 2, 1))])
    assert statements.current(NOW, "es").digest == "2-en"
    assert Statements(first).current(NOW, "es").digest == "1-es"


@pytest.mark.req("S3-070")
@pytest.mark.parametrize("section", REQUIRED)
def test_a_statement_that_lacks_a_part_is_not_loaded(section: str) -> None:
    with pytest.raises(ValueError, match=section):
        Statements([statement("1", date(2026, 1, 1), without=section)])
