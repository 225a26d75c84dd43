"""A new version of the service's own key: the blind index of the parties is made anew from the entries that name them."""

from common.clock import SystemClock
from common.protection.making import make_service_keys
from common.protection.resealing import Rewriter, retire
from common.protection.service_keys import TAKES_EFFECT
from tests.transcripts.conversations import KEYRING, Conversation
from tests.transcripts.desk import PURPOSE, Desk
from transcripts.holdings import party_index


async def sought(desk: Desk, role: str, asked: dict[str, str], **claims: str) -> list[str]:
    headers = desk.issuer.headers(role, **claims) | {"Purpose-Of-Use": PURPOSE[role]}
    answer = await desk.client.post("/v1/transcripts/search", json=asked, headers=headers)
    return [item["id"] for item in answer.json()["items"]]


async def test_transcripts_are_found_by_account_and_pin_before_meanwhile_and_after(desk: Desk) -> None:
    (old,) = await desk.keep(Conversation(account="acc-1", pin="222222"))
    destroyed = Conversation(account="acc-1", pin="222222")
    await desk.keep(destroyed)
    keys = make_service_keys(desk.store.settings, "transcripts", desk.store.clock)
    await keys.add_version()
    desk.store.clock.turn(seconds=TAKES_EFFECT.total_seconds() * 3)
    (new,) = await desk.keep(Conversation(account="acc-1", pin="222222"))
    KEYRING.destroy(destroyed.key.id, "expired", SystemClock().now())

    kept = party_index(KEYRING)
    assert set(await sought(desk, "privacy_officer", {"account_id": "acc-1"})) >= {old, new}
    progress = await Rewriter(desk.store.database, await keys.ready(), batch=3).reseal(kept)
    assert (progress.found, progress.done, progress.left) == (4, 4, 0)
    assert await retire(desk.store.database, keys, [kept], now=desk.store.clock.now()) == 2
    desk.store.clock.turn(minutes=1)

    for asked in ({"account_id": "acc-1"}, {"employee_pin": "222222"}):
        assert await sought(desk, "privacy_officer", asked) == [new, old], "what was destroyed is found no more"
    assert await sought(desk, "agent", {"employee_pin": "222222"}, pin="222222") == [new, old]
    headers = desk.issuer.headers("customer", sub="acc-1")
    assert (await desk.client.get(f"/v1/transcripts/{old}", headers=headers)).status_code == 200
