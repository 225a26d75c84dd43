"""The register of obligations: complete, one sentence each, and every service has its share."""

from collections import Counter
from pathlib import Path

import pytest

from muniment.trace import REGISTER, Obligation, read_register

SOURCES = {
    "S1": ("SSA SORN 60-0383", 120),
    "S2": ("DEEOIC PII Bulletin 2008", 97),
    "S3": ("USCIS PIA-086", 125),
}


@pytest.fixture(scope="module")
def obligations() -> list[Obligation]:
    return list(read_register(Path(__file__).parents[2] / REGISTER).values())


def test_ids_run_through_each_source_without_a_gap(obligations: list[Obligation]) -> None:
    expected = [f"{source}-{number:03}" for source, (_, last) in SOURCES.items() for number in range(1, last + 1)]
    assert [obligation.id for obligation in obligations] == expected


def test_each_id_stands_with_the_title_of_its_source(obligations: list[Obligation]) -> None:
    assert {(obligation.id[:2], obligation.source) for obligation in obligations} == {
        (source, title) for source, (title, _) in SOURCES.items()
    }
    assert all(obligation.section for obligation in obligations)


def test_each_service_answers_for_its_share(obligations: list[Obligation]) -> None:
    assert Counter(obligation.service for obligation in obligations) == {
        "chat-gateway": 17,
        "transcripts": 25,
        "production": 82,
        "disclosure": 117,
        "retention": 19,
        "common": 65,
        "deploy": 17,
    }


def test_each_obligation_is_one_sentence_of_its_own(obligations: list[Obligation]) -> None:
    sentences = [obligation.text for obligation in obligations]
    assert not [text for text, count in Counter(sentences).items() if count > 1]
    assert not [text for text in sentences if not 8 <= len(text.split()) <= 25]
    assert not [text for text in sentences if not text.endswith(".") or ". " in text.removesuffix(".")]
