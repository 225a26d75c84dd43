"""The example of the protocol's page works as it stands there."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

from tests.chat_gateway.integration.conftest import Gateway

PROTOCOL = Path(__file__).parents[3] / "services" / "chat-gateway" / "PROTOCOL.md"


async def test_the_ten_lines_of_the_page_ask_a_question(gateway: Gateway) -> None:
    [example] = re.findall(r"```python\n(.*?)```", PROTOCOL.read_text("utf-8"), re.DOTALL)
    assert len(example.splitlines()) <= 11
    where = {"CHAT": f"ws://127.0.0.1:{gateway.port}/v1/chat", "TOKEN": gateway.issuer.mint("customer")}
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", example, env={**os.environ, **where}, stdout=-1, stderr=-1
    )
    said, complained = await asyncio.wait_for(running.communicate(), 20)
    assert running.returncode == 0, complained.decode()
    assert json.loads(said.decode().replace("'", '"'))["seq"] == 2
    assert await gateway.count("session_entry") == 2
