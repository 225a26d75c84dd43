"""Every record is in the register, once, as UNSCHEDULED (S1 Retention; invariant 8)."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest

from common.auth import ROLES
from common.contracts.envelope import EventData
from common.ids import new_id
from common.testing import Issuer
from tests.retention.facts import MORNING, action, decided, incident_closed, incident_opened, requested, transcript
from tests.retention.integration.conftest import Store

LINES = "SELECT record_id, kind, series, owner, created_at, closed_at, status FROM record ORDER BY position"
LETTERS = 'SELECT error_class, reason FROM dead_letter ORDER BY "offset"'


def written(minutes: float) -> str:
    return (MORNING + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def officer(issuer: Issuer) -> dict[str, str]:
    return issuer.headers("records_officer")


async def walk(client: httpx.AsyncClient, headers: dict[str, str], **query: str | int) -> list[list[str]]:
    """All pages of the list, as the ids on each."""
    pages: list[list[str]] = []
    cursor: dict[str, str | int] = {}
    while True:
        answer = await client.get("/v1/records", params=query | cursor, headers=headers)
        assert answer.status_code == 200
        pages.append([r["record_id"] for r in answer.json()["records"]])
        if answer.json()["next_cursor"] is None:
            return pages
        cursor = {"cursor": answer.json()["next_cursor"]}


@pytest.mark.req("S1-089")
async def test_each_kind_of_record_enters_as_unscheduled_and_is_listed_so(
    store: Store, client: httpx.AsyncClient, officer: dict[str, str]
) -> None:
    chat, work, request = transcript(), action(), requested()
    decision = decided(request.request_id)
    await store.hear(chat, work, request, decision)
    answer = await client.get("/v1/records", params={"status": "UNSCHEDULED"}, headers=officer)
    shown = answer.json()["records"]
    assert [(r["record_id"], r["kind"], r["series"], r["owner"]) for r in shown] == [
        (str(chat.transcript_id), "transcript", "chat-transcript", "transcripts"),
        (str(work.action_id), "action", "employee-production", "production"),
        (str(request.request_id), "disclosure_request", "disclosure-request", "disclosure"),
        (str(decision.decision_id), "disclosure_decision", "disclosure-decision", "disclosure"),
    ]
    assert {r["status"] for r in shown} == {"UNSCHEDULED"}
    assert [(r["created_at"], r["closed_at"]) for r in shown] == [
        (written(0), written(20)),
        (written(0), written(25)),
        (written(0), written(60)),
        (written(60), written(60)),
    ]
    assert answer.json()["next_cursor"] is None


async def test_twice_is_once_in_one_batch_and_in_several(store: Store) -> None:
    facts: list[EventData] = [transcript(), action(), requested()]
    await store.hear(*facts, *facts)
    await store.hear(*facts)
    assert (await store.count("record"), await store.count("dead_letter")) == (3, 0)


async def test_an_undecided_request_stays_open_until_a_decision_that_is_one(
    store: Store, client: httpx.AsyncClient, officer: dict[str, str]
) -> None:
    request = requested()

    async def closed_at() -> str | None:
        answer = await client.get(f"/v1/records/{request.request_id}", headers=officer)
        return answer.json()["closed_at"]  # type: ignore[no-any-return]

    await store.hear(request, decided(request.request_id, outcome="undecided"))
    assert await closed_at() is None
    await store.hear(decided(request.request_id, outcome="deny", decided_at=MORNING + timedelta(minutes=90)))
    assert await closed_at() == written(90)
    await store.hear(decided(request.request_id, decided_at=MORNING + timedelta(minutes=120)))
    assert await closed_at() == written(90), "the first decision that is one closes the file"


async def test_a_decision_may_be_heard_before_its_request(
    store: Store, client: httpx.AsyncClient, officer: dict[str, str]
) -> None:
    request = requested()
    await store.hear(decided(request.request_id))
    await store.hear(request)
    answer = await client.get(f"/v1/records/{request.request_id}", headers=officer)
    assert answer.json()["closed_at"] == written(60)


@pytest.mark.req("S2-093")
@pytest.mark.parametrize("closed_first", [False, True])
async def test_the_record_of_an_incident_has_its_series_and_is_kept_six_years_after_the_closing(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, *, closed_first: bool
) -> None:
    incident = incident_opened()
    facts: list[EventData] = [incident, incident_closed(incident.incident_id)]
    place = f"/v1/records/{incident.incident_id}"

    async def why() -> tuple[list[str], list[str], str]:
        answer = (await client.get(f"{place}/eligibility", headers=issuer.headers("records_officer"))).json()
        return [r["code"] for r in answer["reasons"]], answer["missing"], answer["outcome"]

    if not closed_first:
        await store.hear(incident)
        codes, missing, outcome = await why()
        assert (codes, outcome) == (["CLOCK_NOT_STARTED"], "not_eligible")
        assert "item.authority" in missing
        facts = facts[1:]
    for fact in reversed(facts) if closed_first else facts:
        await store.hear(fact, fact)
    officer = issuer.headers("records_officer")
    shown = (await client.get(place, headers=officer)).json()
    assert (shown["kind"], shown["series"], shown["owner"]) == ("incident", "incident", "disclosure")
    assert (shown["created_at"], shown["closed_at"]) == (written(0), written(20 * 24 * 60))
    assert (await store.count("record"), await store.count("dead_letter")) == (1, 0)
    assert (await why())[0] == ["PERIOD_RUNNING"]
    refused = await client.post(f"{place}/destruction", headers=officer)
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (409, "PERIOD_RUNNING")
    store.clock.turn(hours=24 * 365 * 7)
    assert (await why())[2] == "undecided", "without the number of its authority the item decides nothing"
    connection = await asyncpg.connect(store.url)
    for statement in (
        "DELETE FROM record_closing",
        "UPDATE record_closing SET closed_at = now()",
        "DELETE FROM record",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute(statement)
    await connection.close()


async def test_an_incident_that_closes_before_it_opens_is_set_aside(store: Store) -> None:
    await store.hear(incident_closed(new_id(), closed_at=MORNING - timedelta(days=1)))
    assert (await store.count("record"), await store.count("dead_letter")) == (0, 1)
    assert await store.count("record_closing") == 0


async def test_an_id_that_stands_for_another_kind_is_set_aside(store: Store) -> None:
    first = transcript()
    await store.hear(first)
    await store.hear(action(action_id=first.transcript_id), action())
    assert [r["error_class"] for r in await store.rows(LETTERS)] == ["ConflictError"]
    assert [r["kind"] for r in await store.rows(LINES)] == ["transcript", "action"]


async def test_times_that_make_no_sense_are_set_aside(store: Store) -> None:
    await store.hear(
        transcript(closed_at=MORNING - timedelta(minutes=1)),
        requested(requested_at="2026-03-02T09:00:00"),
        transcript(),
    )
    letters = await store.rows(LETTERS)
    assert [r["error_class"] for r in letters] == ["PoisonEventError", "PoisonEventError"]
    assert await store.count("record") == 1


@pytest.mark.req("S3-074")
async def test_a_renamed_tool_changes_nothing_about_its_records(
    store: Store, client: httpx.AsyncClient, officer: dict[str, str]
) -> None:
    for source in ("/case-systems/estat", "/case-systems/estat-2030", "/muniment/chat_gateway"):
        work = action()
        await store.hear(work, source=source)
        shown = (await client.get(f"/v1/records/{work.action_id}", headers=officer)).json()
        why = (await client.get(f"/v1/records/{work.action_id}/eligibility", headers=officer)).json()
        assert shown["series"] == "employee-production"
        assert "Item time-and-production-tracking (15 years" in why["reasons"][1]["sentence"]


async def test_the_register_holds_no_values_of_a_person(store: Store) -> None:
    await store.hear(action(), transcript())
    lines = str([tuple(r) for r in await store.rows("SELECT r::text FROM record AS r")])
    assert "100001" not in lines
    assert "EAC2612345678" not in lines


class TestReading:
    """The list and a line of it."""

    async def test_pages_follow_each_other_without_gap_or_overlap(
        self, store: Store, client: httpx.AsyncClient, officer: dict[str, str]
    ) -> None:
        facts = [transcript() for _ in range(5)]
        await store.hear(*facts, *(action() for _ in range(3)))
        pages = await walk(client, officer, kind="transcript", limit=2)
        assert [len(p) for p in pages] == [2, 2, 1]
        assert sorted(i for page in pages for i in page) == sorted(str(f.transcript_id) for f in facts)
        assert [len(p) for p in await walk(client, officer, limit=4)] == [4, 4], "a full last page has no next"
        assert [len(p) for p in await walk(client, officer, kind="disclosure_request")] == [0]

    async def test_what_comes_while_somebody_reads_is_on_a_later_page(
        self, store: Store, client: httpx.AsyncClient, officer: dict[str, str]
    ) -> None:
        await store.hear(transcript(), transcript())
        first = (await client.get("/v1/records", params={"limit": 1}, headers=officer)).json()
        late = transcript()
        await store.hear(late)
        cursor = {"cursor": first["next_cursor"]}
        rest = (await client.get("/v1/records", params=cursor, headers=officer)).json()["records"]
        assert [r["record_id"] for r in rest][1:] == [str(late.transcript_id)]

    @pytest.mark.parametrize(
        "query",
        [{"cursor": "?"}, {"cursor": "LTE="}, {"cursor": "é"}, {"kind": "chat"}, {"status": "GONE"}, {"limit": 0}],
    )
    async def test_a_question_that_makes_no_sense_is_refused(
        self, client: httpx.AsyncClient, officer: dict[str, str], query: dict[str, str]
    ) -> None:
        answer = await client.get("/v1/records", params=query, headers=officer)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert answer.json()["errors"][0]["field"] == f"query.{next(iter(query))}"

    @pytest.mark.req("S3-040", "S3-109")
    async def test_only_records_officers_and_auditors_look_into_it(
        self, store: Store, client: httpx.AsyncClient, issuer: Issuer
    ) -> None:
        fact = transcript()
        await store.hear(fact)
        there, absent = f"/v1/records/{fact.transcript_id}", f"/v1/records/{new_id()}"
        for role in [*sorted(ROLES), "nobody"]:
            headers = issuer.headers(role)
            may = role in {"records_officer", "auditor"}
            for path, found in (("/v1/records", 200), (there, 200), (there + "/eligibility", 200),
                                (absent, 404), (absent + "/eligibility", 404)):  # fmt: skip
                answer = await client.get(path, headers=headers)
                assert answer.status_code == (found if may else 403), (role, path)
        for path in ("/v1/records", there, there + "/eligibility"):
            assert (await client.get(path)).status_code == 401

    @pytest.mark.req("S3-105")
    async def test_every_look_leaves_an_entry(self, store: Store, client: httpx.AsyncClient, issuer: Issuer) -> None:
        fact, absent = transcript(), new_id()
        await store.hear(fact)
        record, officer = str(fact.transcript_id), issuer.headers("records_officer")
        await client.get("/v1/records", headers=officer)
        await client.get(f"/v1/records/{record}", headers=officer)
        await client.get(f"/v1/records/{record}/eligibility", headers=officer)
        await client.get(f"/v1/records/{absent}", headers=officer)
        await client.get(f"/v1/records/{record}", headers=issuer.headers("agent"))
        entries = await store.rows("SELECT user_id, action, outcome, record_ids FROM audit_entry ORDER BY position")
        assert [tuple(e) for e in entries] == [
            ("records_officer-1", "record.search", "done", [record]),
            ("records_officer-1", "record.read", "done", [record]),
            ("records_officer-1", "record.eligibility", "done", [record]),
            ("records_officer-1", "record.read", "not_found", [str(absent)]),
            ("agent-1", "record.read", "refused", [record]),
        ]


async def insert(connection: "asyncpg.Connection[asyncpg.Record]", record_id: UUID, **columns: str) -> None:
    fields = {"kind": "action", "series": "s", "owner": "o", "status": "UNSCHEDULED"} | columns
    await connection.execute(
        "INSERT INTO record (record_id, kind, series, owner, status, created_at, registered_at) "
        "VALUES ($1, $2, $3, $4, $5, now(), now())",
        record_id, *fields.values(),
    )  # fmt: skip


async def test_the_database_knows_no_other_kind_and_no_other_status(store: Store) -> None:
    connection = await asyncpg.connect(store.url)
    for column in ("kind", "status"):
        with pytest.raises(asyncpg.CheckViolationError, match=f"record_{column}_is_known"):
            await insert(connection, new_id(), **{column: "SCHEDULED"})
    await insert(connection, new_id())
    await connection.close()
