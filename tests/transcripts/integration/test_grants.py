"""A grant works once, only as it was signed, and what becomes of it is told whichever way it ends."""

import asyncio
from typing import Any

import pytest

from common.contracts.disclosure import DisclosureDecided
from common.ids import new_id
from common.releases import settling
from tests.plugins.grants import signing_key
from tests.transcripts.conversations import KEYRING
from tests.transcripts.releasing import ReleaseDesk, hear, told


@pytest.mark.req("S2-017")
async def test_a_grant_works_once_whoever_comes(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    await releases.reviewed(transcript)
    token = releases.grant(transcript)
    answers = await asyncio.gather(*(releases.redeem(token, sub=f"privacy_officer-{n}") for n in range(4)))
    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409]
    assert (await releases.redeem(token)).json()["type"].endswith("/grant-used")
    back = await releases.post("/releases/refusals", {"grant": token, "reason": "wrong-recipient"})
    assert back.status_code == 409
    assert len(await told(releases)) == await releases.desk.store.count("release_copy") == 1


@pytest.mark.req("S2-005", "S2-017")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "production"}, "audience"),
        ({"iss": "somebody"}, "forged"),
        ({"exp": 1_700_000_000}, "expired"),
        ({"nbf": 4_000_000_000}, "not-yet"),
        ({"typ": "finding+jwt"}, "forged"),
        ({"typ": "accounting+jwt"}, "forged"),
        ({"transcript_ids": []}, "forged"),
    ],
)
async def test_what_is_no_grant_for_here_and_now_lets_nothing_out(
    releases: ReleaseDesk, changes: dict[str, Any], reason: str
) -> None:
    transcript = new_id()
    answer = await releases.redeem(releases.grant(str(transcript), **changes))
    assert (answer.status_code, answer.json()["reason"]) == (403, reason)
    assert await releases.desk.store.count("grant_use") == 0
    assert [row["outcome"] for row in await releases.desk.trail()][-1] == "refused"


async def test_a_forged_grant_and_one_that_is_none_are_refused(releases: ReleaseDesk) -> None:
    stranger = signing_key()
    as_ours = releases.grant("x", key=stranger)
    assert (await releases.redeem(as_ours)).json()["reason"] == "forged"
    header, _, rest = releases.grant(str(new_id())).partition(".")
    for token in (f"{header}.e30.{rest.partition('.')[2]}", "x" * 40, f"{header}.{rest.rpartition('.')[0]}."):
        assert (await releases.redeem(token)).status_code == 403, token
    assert (await releases.redeem(releases.grant(str(new_id())), role="auditor")).status_code == 403


async def test_a_grant_that_is_handed_back_is_settled_and_lets_nothing_out(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    await releases.reviewed(transcript)
    token = releases.grant(transcript)
    back = await releases.post("/releases/refusals", {"grant": token, "reason": "recipient-not-identified"})
    assert (back.status_code, back.json()["outcome"], back.json()["copies"]) == (201, "refused", [])
    assert (await releases.redeem(token)).status_code == 409
    assert [(fact.outcome, fact.reason) for fact in await told(releases)] == [("refused", "recipient-not-identified")]


@pytest.mark.parametrize("why", ["record-unknown", "record-destroyed"])
async def test_where_the_record_is_not_there_to_go_the_grant_is_settled_as_refused(
    releases: ReleaseDesk, why: str
) -> None:
    transcript = str(new_id())
    if why == "record-destroyed":
        transcript = await releases.kept()
        for row in await releases.desk.store.rows("SELECT DISTINCT key_id FROM entry WHERE key_id IS NOT NULL"):
            KEYRING.destroy(row["key_id"], "DISPOSITION-1", releases.desk.store.clock.now())
    said = (await releases.redeem(releases.grant(transcript))).json()
    assert (said["outcome"], said["reason"], said["copies"]) == ("refused", why, [])
    assert [(fact.outcome, fact.reason) for fact in await told(releases)] == [("refused", why)]


def decided(releases: ReleaseDesk, **changes: Any) -> DisclosureDecided:
    claims, now = releases.claims, releases.desk.store.clock.now()
    fields = {
        "request_id": claims["request_id"], "decision_id": claims["decision_id"], "outcome": "allow", "basis": "b6",
        "rule_version": "60-0383/2017+0", "transcript_ids": claims["transcript_ids"], "decided_at": now,
        "accounting_id": claims["accounting_id"], "grant_id": claims["jti"], "grant_holder": "transcripts",
        "grant_expires_at": claims["exp"],
    }  # fmt: skip
    return DisclosureDecided.model_validate(fields | changes)


async def test_a_grant_for_which_nobody_comes_is_settled_by_the_clock_and_works_no_more(releases: ReleaseDesk) -> None:
    store = releases.desk.store
    transcript = await releases.kept()
    await releases.reviewed(transcript)
    token = releases.grant(transcript, exp=4_000_000_000)  # the clock that settles and the one that signs may differ
    await hear(releases, decided(releases), decided(releases, grant_holder="production", grant_id=str(new_id())))
    for hours, settled in ((0, 0), (10**6, 1), (1, 0)):
        store.clock.turn(hours=hours)
        async with store.database.unit_of_work() as session:
            assert await settling.expire(session, holder="transcripts", now=store.clock.now()) == settled
    [fact] = await told(releases)
    assert (fact.outcome, str(fact.grant_id), fact.copies) == ("expired", releases.claims["jti"], ())
    store.clock.turn(hours=-(10**6) - 1)
    assert (await releases.redeem(token)).status_code == 409
    used = releases.grant(transcript)
    await hear(releases, decided(releases))
    assert (await releases.redeem(used)).status_code == 201
    store.clock.turn(hours=2)
    async with store.database.unit_of_work() as session:
        assert await settling.expire(session, holder="transcripts", now=store.clock.now()) == 0
