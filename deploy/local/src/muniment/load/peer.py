"""The load on a Matrix homeserver: rooms of two, in each one who sends and one who hears by long polling.

It reads what to do from stdin and prints what it measured, as the driver of the benchmarks does.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any
from urllib.parse import quote, urlencode

import uvloop

from muniment.bench.driver import WARM_UP_SECONDS, percentiles
from muniment.conversations import dialogues
from muniment.load.http_line import HttpLine

AT_ONCE = 8
POLL_MS = 2000
CLIENT, ADMIN = "/_matrix/client/v3", "/_synapse/admin/v1"
FILTER = json.dumps(
    {
        "presence": {"types": []},
        "account_data": {"types": []},
        "room": {"ephemeral": {"types": []}, "account_data": {"types": []}, "timeline": {"limit": 100}},
    }
)


@dataclass(slots=True)
class Room:
    """Attributes:
    since: how far its hearer has come.
    """

    id: str
    sender: str
    hearer: str
    since: str


class Rooms:
    def __init__(self, port: int, secret: str) -> None:
        self._port, self._secret = port, secret.encode()
        self._texts = cycle([t.text for c in dialogues(400) for t in c.turns if t.speaker == "customer"])
        self._transactions = count(1)
        self.rooms: list[Room] = []

    async def make(self, number: int) -> None:
        """So many rooms, each with two new members."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(n: int) -> None:
            async with gate:
                self.rooms.append(await self._make(n))

        await asyncio.gather(*(one(n) for n in range(number)))

    async def _make(self, number: int) -> Room:
        line = await HttpLine.to(self._port)
        (_, sender), (hearer_id, hearer) = [await self._register(line, f"{side}{number}") for side in ("a", "b")]
        wish = {"preset": "private_chat", "invite": [hearer_id]}
        room_id = (await line.ask("POST", f"{CLIENT}/createRoom", token=sender, body=wish))["room_id"]
        await line.ask("POST", f"{CLIENT}/join/{quote(room_id)}", token=hearer, body={})
        room = Room(room_id, sender, hearer, "")
        room.since = (await line.ask("GET", _sync(room, 0), token=hearer))["next_batch"]
        line.close()
        return room

    async def _register(self, line: HttpLine, name: str) -> tuple[str, str]:
        nonce = (await line.ask("GET", f"{ADMIN}/register"))["nonce"]
        parts = (nonce.encode(), name.encode(), b"pw", b"notadmin")
        proof = hmac.new(self._secret, b"\0".join(parts), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": "pw", "admin": False, "mac": proof}
        made = await line.ask("POST", f"{ADMIN}/register", body=body)
        return made["user_id"], made["access_token"]

    async def measure(self, seconds: float, per_second: float) -> dict[str, Any]:
        """Send for so long; 0 a second: each room's next message goes when the last one is acknowledged."""
        run = _Run(self, next(self._transactions))
        hearers = [asyncio.create_task(run.hear(room)) for room in self.rooms]
        if per_second:
            senders = [asyncio.create_task(run.pace(per_second))]
        else:
            senders = [asyncio.create_task(run.send_on(room)) for room in self.rooms]
        await asyncio.sleep(2 * WARM_UP_SECONDS)
        run.counting, began = True, time.perf_counter()
        await asyncio.sleep(seconds)
        run.counting, elapsed = False, time.perf_counter() - began
        run.running = False
        await asyncio.gather(*senders)
        await asyncio.gather(*hearers)
        return {
            "answers_per_second": len(run.answers) / elapsed,
            "deliveries_per_second": len(run.deliveries) / elapsed,
            "answer_ms": percentiles(run.answers),
            "delivery_ms": percentiles(run.deliveries),
        }

    @property
    def port(self) -> int:
        return self._port

    def text(self) -> str:
        return next(self._texts)


class _Run:
    def __init__(self, rooms: Rooms, number: int) -> None:
        self._rooms = rooms
        self._number = number
        self._sent = count(1)
        self._began: dict[str, float] = {}
        self.answers: list[float] = []
        self.deliveries: list[float] = []
        self.counting, self.running = False, True

    async def send_on(self, room: Room) -> None:
        line = await HttpLine.to(self._rooms.port)
        while self.running:
            await self._send(line, room)
        line.close()

    async def pace(self, per_second: float) -> None:
        """On a schedule over all rooms, whether the last one was acknowledged or not."""
        lines = [await HttpLine.to(self._rooms.port) for _ in self._rooms.rooms]
        locks = [asyncio.Lock() for _ in lines]
        began, sending = time.perf_counter(), set[asyncio.Task[None]]()

        async def one(n: int) -> None:
            async with locks[n]:
                await self._send(lines[n], self._rooms.rooms[n])

        for k in count():
            await asyncio.sleep(max(0.0, began + k / per_second - time.perf_counter()))
            if not self.running:
                break
            task = asyncio.create_task(one(k % len(lines)))
            sending.add(task)
            task.add_done_callback(sending.discard)
        await asyncio.gather(*sending)
        for line in lines:
            line.close()

    async def _send(self, line: HttpLine, room: Room) -> None:
        transaction = f"r{self._number}k{next(self._sent)}"
        body = {"msgtype": "m.text", "body": self._rooms.text(), "tag": transaction}
        began = self._began[transaction] = time.perf_counter()
        path = f"{CLIENT}/rooms/{quote(room.id)}/send/m.room.message/{transaction}"
        await line.ask("PUT", path, token=room.sender, body=body)
        if self.counting:
            self.answers.append(time.perf_counter() - began)

    async def hear(self, room: Room) -> None:
        line = await HttpLine.to(self._rooms.port)
        while self.running:
            told = await line.ask("GET", _sync(room, POLL_MS), token=room.hearer)
            now, room.since = time.perf_counter(), told["next_batch"]
            joined = told.get("rooms", {}).get("join", {}).get(room.id, {})
            for event in joined.get("timeline", {}).get("events", []):
                began = self._began.get(event.get("content", {}).get("tag", ""))
                if began is not None and self.counting:
                    self.deliveries.append(now - began)
        line.close()


def _sync(room: Room, wait_ms: int) -> str:
    asked = {"filter": FILTER, "timeout": str(wait_ms)} | ({"since": room.since} if room.since else {})
    return f"{CLIENT}/sync?{urlencode(asked)}"


async def main(work: dict[str, Any]) -> dict[str, Any]:
    rooms = Rooms(work["port"], work["secret"])
    await rooms.make(work["rooms"])
    return {
        "saturated": await rooms.measure(work["seconds"], 0),
        "comfortable": await rooms.measure(work["paced_seconds"], work["rate"]),
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(main(json.load(sys.stdin)))))
