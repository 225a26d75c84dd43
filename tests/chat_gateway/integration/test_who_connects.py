"""Who connects, by a token bound to a key, and from which terminal, told by a proxy that is trusted and by no other."""

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from common.testing import Holder
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.talking import Talker


@pytest.mark.req("S1-001")
async def test_a_bound_token_in_hello_needs_a_new_proof_each_time(gateway: Gateway) -> None:
    holder = Holder(gateway.clock)
    token = gateway.issuer.mint("customer", cnf=holder.confirmation)
    proof = holder.proof("GET", f"http://127.0.0.1:{gateway.port}/v1/chat", token)
    async with Talker.connected(gateway.port, None) as talker:
        await talker.say(type="hello", token=token, proof=proof)
        assert (await talker.first("welcome"))["roles"] == ["customer"]
    for stolen in ({"token": token}, {"token": token, "proof": proof}):
        async with Talker.connected(gateway.port, None) as thief:
            await thief.say(type="hello", **stolen)
            assert (await thief.first("error"))["code"] == "proof-of-possession"
            assert (await thief.first("gone"))["code"] == 4001


async def test_a_bound_token_in_the_handshake_needs_its_proof(gateway: Gateway) -> None:
    holder = Holder(gateway.clock)
    token = gateway.issuer.mint("customer", cnf=holder.confirmation)
    url = f"ws://127.0.0.1:{gateway.port}/v1/chat"
    headers = {"Authorization": f"DPoP {token}", "DPoP": holder.proof("GET", url, token)}
    async with connect(url, additional_headers=headers) as connection:
        assert '"welcome"' in str(await connection.recv())
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers=headers)
    assert refused.value.response.status_code == 401
    assert "invalid_dpop_proof" in refused.value.response.headers["www-authenticate"]


@pytest.mark.req("S3-103")
async def test_the_terminal_of_a_socket_is_not_what_its_client_says(gateway: Gateway) -> None:
    forged = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    async with gateway.replica(trusted_proxies=("127.0.0.1",)) as behind:
        for where, terminal in ((gateway, "127.0.0.1"), (behind, "203.0.113.9")):
            async with where.talker("customer") as customer:
                session_id = await customer.open()
            url = f"ws://127.0.0.1:{where.port}/v1/chat"
            async with connect(url, additional_headers=forged) as connection:
                talker = Talker(connection)
                await talker.say(type="hello", token=gateway.issuer.mint("agent"))
                await talker.say(type="join", session_id=session_id)
                while '"joined"' not in str(await connection.recv()):
                    pass
            rows = await gateway.rows(
                "SELECT terminal FROM audit_entry WHERE action = 'session.join' AND record_ids = $1", [str(session_id)]
            )
            assert {row["terminal"] for row in rows} == {terminal}
