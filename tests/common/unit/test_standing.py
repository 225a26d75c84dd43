from datetime import date, timedelta

import pytest

from common.auth import Principal
from common.standing import lapsed_claims, suspension

TODAY = date(2026, 3, 2)


def lapsed(training: object, sanctions: object) -> tuple[str, ...]:
    claims = {"training_date": training, "sanctions_date": sanctions}
    principal = Principal("e-1", frozenset({"agent"}), {k: v for k, v in claims.items() if v is not None})
    return lapsed_claims(principal, today=TODAY)


@pytest.mark.parametrize("days", [0, 1, 365])
def test_a_year_is_enough(days: int) -> None:
    day = (TODAY - timedelta(days=days)).isoformat()
    assert lapsed(day, day) == ()
    assert suspension(()) == ""


@pytest.mark.req("S1-099", "S1-101", "S3-067", "S3-107")
@pytest.mark.parametrize("bad", ["2025-03-01", "2026-03-03", "", "soon", None, 20260302])
def test_what_is_older_missing_or_no_date_suspends_access_and_is_named(bad: object) -> None:
    recent = TODAY.isoformat()
    assert lapsed(bad, recent) == ("training_date",)
    assert lapsed(recent, bad) == ("sanctions_date",)
    assert lapsed(bad, bad) == ("training_date", "sanctions_date")
    assert "training is renewed" in suspension(lapsed(bad, recent))
    assert "signature of the sanctions document is renewed" in suspension(lapsed(recent, bad))
