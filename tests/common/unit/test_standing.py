from datetime import date, timedelta
from typing import Any

import pytest

from common.auth import Principal
from common.registers.documents import ACKNOWLEDGEMENTS, current_versions
from common.standing import TOOL_TRAINING, lapsed_claims, suspension

TODAY = date(2026, 3, 2)


def lapsed(**changes: Any) -> tuple[str, ...]:
    recent = TODAY.isoformat()
    claims = {"training_date": recent, "sanctions_date": recent, **current_versions(TODAY)} | changes
    principal = Principal("e-1", frozenset({"agent"}), {k: v for k, v in claims.items() if v is not None})
    return lapsed_claims(principal, today=TODAY)


@pytest.mark.parametrize("days", [0, 1, 365])
def test_a_year_is_enough(days: int) -> None:
    day = (TODAY - timedelta(days=days)).isoformat()
    assert lapsed(training_date=day, sanctions_date=day) == ()
    assert suspension(()) == ""


@pytest.mark.req("S1-099", "S1-101", "S3-067", "S3-107")
@pytest.mark.parametrize("bad", ["2025-03-01", "2026-03-03", "", "soon", None, 20260302])
def test_what_is_older_missing_or_no_date_suspends_access_and_is_named(bad: object) -> None:
    assert lapsed(training_date=bad) == ("training_date",)
    assert lapsed(sanctions_date=bad) == ("sanctions_date",)
    assert lapsed(training_date=bad, sanctions_date=bad) == ("training_date", "sanctions_date")
    assert "training is renewed" in suspension(lapsed(training_date=bad))
    assert "signature of the sanctions document is renewed" in suspension(lapsed(sanctions_date=bad))


@pytest.mark.req("S1-100", "S1-102", "S2-002", "S2-016", "S3-066", "S3-099")
@pytest.mark.parametrize("claim", sorted(ACKNOWLEDGEMENTS))
@pytest.mark.parametrize("bad", [None, "", "1999", "sanctions/2026.1+000000000000", ["x"]])
def test_an_acknowledgement_is_of_a_text_in_force_and_of_exactly_what_it_said(claim: str, bad: object) -> None:
    assert lapsed(**{claim: bad if not isinstance(bad, list) else None}) == (claim,)
    assert claim not in suspension((claim,)), "people are told in words"


@pytest.mark.req("S3-066")
def test_the_training_in_the_tools_is_a_claim_of_its_own() -> None:
    assert TOOL_TRAINING in ACKNOWLEDGEMENTS
    assert lapsed(**{TOOL_TRAINING: current_versions(TODAY)["training_version"]}) == (TOOL_TRAINING,)
