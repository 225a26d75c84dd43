from datetime import date, timedelta

import pytest

from common.auth import Principal
from common.errors import ForbiddenError
from common.standing import require_standing

TODAY = date(2026, 3, 2)


def employee(training: object, sanctions: object) -> Principal:
    claims = {"training_date": training, "sanctions_date": sanctions}
    return Principal("e-1", frozenset({"agent"}), {k: v for k, v in claims.items() if v is not None})


@pytest.mark.parametrize("days", [0, 1, 365])
def test_a_year_is_enough(days: int) -> None:
    day = (TODAY - timedelta(days=days)).isoformat()
    require_standing(employee(day, day), today=TODAY)


@pytest.mark.req("S1-099", "S1-101", "S3-067", "S3-107")
@pytest.mark.parametrize("bad", ["2025-03-01", "2026-03-03", "", "soon", None, 20260302])
def test_what_is_older_missing_or_no_date_suspends_access_and_is_named(bad: object) -> None:
    recent = TODAY.isoformat()
    with pytest.raises(ForbiddenError) as refused:
        require_standing(employee(bad, recent), today=TODAY)
    assert refused.value.missing == ("token.training_date",)
    with pytest.raises(ForbiddenError) as refused:
        require_standing(employee(recent, bad), today=TODAY)
    assert refused.value.missing == ("token.sanctions_date",)
    with pytest.raises(ForbiddenError) as refused:
        require_standing(employee(bad, bad), today=TODAY)
    assert len(refused.value.missing) == 2
