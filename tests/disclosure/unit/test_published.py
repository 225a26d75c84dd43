"""A routine use is inert until the document that announced it has run its whole course."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from disclosure import rendering, rulebook
from disclosure.published import Publication, lacks, state
from tests.disclosure.cases import NOON, base, decide, stands_against

TODAY = date(2026, 3, 2)


def publication(**changes: Any) -> Publication:
    return Publication.model_validate(
        {
            "id": "fr-1",
            "citation": "91 Fed. Reg. 1 (2026)",
            "docket": "D-1",
            "published_on": TODAY,
            "comments_end_on": TODAY + timedelta(days=30),
            "reported_on": {"omb": TODAY, "congress": TODAY},
        }
        | changes
    )


@pytest.mark.req("S1-005")
def test_a_publication_leaves_thirty_days_for_comment() -> None:
    with pytest.raises(ValidationError, match="fewer than 30 days"):
        publication(comments_end_on=TODAY + timedelta(days=29))
    with pytest.raises(ValidationError, match="both a day"):
        publication(comments_end_on=None)
    with pytest.raises(ValidationError, match="when they were told"):
        publication(reported_on={"omb": TODAY})


@pytest.mark.parametrize(
    ("changes", "effective_on", "after_days", "stands", "missing"),
    [
        ({"published_on": None, "comments_end_on": None}, None, 99, "drafted", ("published", "comment-period-over", "in-force")),
        ({}, TODAY + timedelta(days=40), 29, "open-for-comment", ("comment-period-over", "in-force")),
        ({}, TODAY + timedelta(days=40), 30, "waiting", ("in-force",)),
        ({}, TODAY + timedelta(days=40), 40, "in-effect", ()),
        ({}, None, 99, "waiting", ("in-force",)),
        ({"reported_on": {"omb": None, "congress": TODAY}}, TODAY + timedelta(days=30), 99, "waiting", ("reported-to-omb",)),
        ({"reported_on": {"omb": TODAY, "congress": None}}, TODAY + timedelta(days=30), 99, "waiting", ("reported-to-congress",)),
    ],
)  # fmt: skip
def test_what_it_lacks_is_named(
    changes: dict[str, Any], effective_on: date | None, after_days: int, stands: str, missing: tuple[str, ...]
) -> None:
    found = lacks(publication(**changes), effective_on, TODAY + timedelta(days=after_days))
    assert found == missing
    assert state(found) == stands


@pytest.mark.req("S1-004")
def test_a_routine_use_that_is_only_announced_permits_nothing_and_says_what_is_missing() -> None:
    """A new document announces the seventh routine use anew; everything else of the notice stays in force."""
    document = json.loads(rulebook.current().document)
    document["publications"].append(
        {
            "id": "fr-2026",
            "citation": "91 Fed. Reg. 1 (2026)",
            "docket": "D-1",
            "published_on": "2026-02-20",
            "comments_end_on": "2026-03-22",
            "reported_on": {"omb": "2026-02-01", "congress": None},
        }
    )
    (seventh,) = [u for u in document["routine_uses"] if u["id"] == "routine-use-7"]
    seventh |= {"publication": "fr-2026", "effective_on": "2026-03-22"}
    rules = rulebook.rules_from(json.dumps(document))
    early = decide(base("routine-use-7"), rules=rules)
    assert early.outcome == "deny"
    assert stands_against(early) == {
        f"routine-use-7.{lack}" for lack in ("comment-period-over", "reported-to-congress", "in-force")
    }
    late = decide(base("routine-use-7"), rules=rules, at=NOON + timedelta(days=60))
    assert stands_against(late) == {"routine-use-7.reported-to-congress"}
    assert decide(base("routine-use-10"), rules=rules).outcome == "allow"


@pytest.mark.parametrize("system", rulebook.SYSTEMS)
def test_the_page_tells_everything_that_decides(system: str) -> None:
    rules = rulebook.current(system)
    page = rendering.render(rules)
    assert rules.version in page
    for basis in rules.bases.values():
        for words in (basis.summary, basis.citation, *basis.purposes.values()):
            assert words in page
        for element in basis.elements:
            assert f"`{element.fact}`" in page
            assert element.asks in page
            assert element.citation in page
    for statement in (*rules.notice.safeguards, *rules.notice.retrieval_keys, *rules.notice.purposes_published):
        assert statement.says in page
