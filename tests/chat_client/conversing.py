"""What the tests of the client in a browser ask and do, whichever way it is connected."""

import json
from uuid import UUID

from tests.chat_client.browser import Page
from tests.chat_client.conftest import Gateway

FAST = "{firstRetry: 20, mostRetry: 200}"


async def stored(gateway: Gateway, session_id: UUID) -> list[tuple[int, str]]:
    rows = await gateway.rows("SELECT seq, value FROM session_entry WHERE session_id = $1 ORDER BY seq", session_id)
    return [(row["seq"], json.loads(row["value"])["digest"]) for row in rows]


async def held(page: Page) -> list[tuple[int, str]]:
    return [(seq, digest) for seq, digest in await page.run("portal.entries.map((e) => [e.entry.seq, e.entry.digest])")]


async def talk(page: Page, gateway: Gateway) -> None:
    """Both sides say something, and the session is closed."""
    session_id = UUID(await page.run("portal.open()"))
    async with gateway.talker("agent") as agent:
        await agent.ask("joined", type="join", session_id=session_id)
        assert (await page.run("portal.session.send('Good morning')"))["seq"] == 3
        await agent.post(session_id, "How can I help?")
        await page.until("portal.texts.length === 2")
        assert (await page.run("portal.session.close()"))["seq"] == 5
    await page.until("portal.entries.length === 5")
    assert await held(page) == await stored(gateway, session_id)
