"""A new version of the service's own key: accounts are found in the gateway's store before, meanwhile and after."""

from chat_gateway.holdings import tables
from common.clock import SystemClock
from common.database import Database
from common.protection.making import make_service_keys
from common.protection.resealing import Rewriter, retire
from common.protection.service_keys import TAKES_EFFECT, version_of
from common.testing import FixedClock
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.talking import Talker


async def leave(talker: Talker) -> str:
    """Wait in the queue, leave it and keep the place."""
    session_id = await talker.open()
    return str((await talker.ask("place", type="leave", session_id=session_id))["token"])


async def test_sessions_and_kept_places_outlive_the_version_they_were_kept_under(
    gateway: Gateway, clock: FixedClock
) -> None:
    database = Database(gateway.settings, application="test")
    keys = make_service_keys(gateway.settings, "chat_gateway", clock)
    async with gateway.talker("customer", sub="c-1") as customer, gateway.talker("agent", sub="a-1") as agent:
        session_id = await customer.open()
        await agent.ask("joined", type="join", session_id=session_id)
        kept = await leave(customer)
        used = await leave(customer)
    destroyed = await gateway.rows("SELECT key_id FROM chat_session WHERE status = 'closed'")

    await keys.add_version()
    clock.turn(seconds=TAKES_EFFECT.total_seconds() * 3)
    async with gateway.talker("customer", sub="c-1") as customer:
        notice = await customer.first("notice")
        ask = {"type": "open", "topic": "retirement", "notice_version": notice["version"]}
        again = await customer.ask("opened", client_id="019a9f4e-5b1c-7cc3-98c4-dc0c0c07398f", place=used, **ask)
        (row,) = await gateway.rows("SELECT used_by FROM kept_place WHERE used_by IS NOT NULL")
        assert str(row["used_by"]) == again["session_id"], "a place is found that was kept under the version before"
    gateway.keyring.destroy(destroyed[0]["key_id"], "expired", SystemClock().now())

    kept_tables = tables(gateway.keyring, clock)
    ready = await keys.ready()
    left = {t.table: (await Rewriter(database, ready).reseal(t)).left for t in kept_tables}
    assert left == {"chat_session": 0, "participant": 0, "chart_place": 0, "kept_place": 1}, (
        "whose a place is stands nowhere else"
    )
    clock.turn(days=5)
    assert (await Rewriter(database, ready).reseal(kept_tables[-1])).left == 0
    assert await retire(database, keys, kept_tables, now=clock.now()) == 2
    await database.close()
    assert kept

    clock.turn(minutes=1)
    async with gateway.talker("customer", sub="c-1") as customer:
        resumed = await customer.ask("resumed", type="resume", session_id=session_id, after_seq=0)
        assert resumed["session_id"] == str(session_id)
    for table, column in (("chat_session", "account"), ("participant", "who"), ("kept_place", "account")):
        assert {version_of(row[0]) for row in await gateway.rows(f"SELECT {column} FROM {table}")} == {2}
