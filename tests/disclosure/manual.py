"""The commands of a manual's page, done against the served application as a reader would type them."""

import re
import shlex
from dataclasses import dataclass, field

import httpx
import orjson

from common.testing import Issuer

_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_COMMAND = re.compile(r"(?:^(?P<name>[a-z]+)=\$\()?curl .*?(?=^(?:[a-z]+=\$\()?curl |\Z)", re.DOTALL | re.MULTILINE)
_TOKEN = re.compile(r"\$\(cat tokens/([a-z_]+)\.jwt\)")


@dataclass
class Reader:
    """Types what a page says. `known`: the variables, as far as they are set; every command sets its own."""

    client: httpx.AsyncClient
    issuer: Issuer
    known: dict[str, str] = field(default_factory=dict)

    async def follow(self, page: str) -> list[httpx.Response]:
        """Every command of the page in its order."""
        commands = [m for block in _BLOCK.findall(page) for m in _COMMAND.finditer(block)]
        return [await self._type(found.group(0), found.group("name")) for found in commands]

    async def _type(self, command: str, name: str | None) -> httpx.Response:
        filter_ = re.search(r"\| jq -r (\S+)\)\s*$", command)
        line = command.partition(" | jq")[0].removeprefix(f"{name}=$(") if name else command
        role = _TOKEN.search(line)
        assert role is not None, line
        line = _TOKEN.sub("TOKEN", line)
        for variable, value in self.known.items():
            line = re.sub(rf"\${variable}\b", value, line)
        words = shlex.split(line.replace("\\\n", " "))
        headers = {k.strip(): v.strip() for k, _, v in (w.partition(":") for w in _after(words, "-H"))}
        headers["Authorization"] = self.issuer.headers(role.group(1), sub=f"{role.group(1)}-1")["Authorization"]
        body = _after(words, "-d")
        address = next(w for w in words if w.startswith("localhost:")).partition("/")[2]
        answer = await self.client.request(
            "POST" if body else "GET", f"/{address}", headers=headers, content=body[0] if body else None
        )
        if name and filter_ and answer.is_success:
            self.known[name] = _picked(orjson.loads(answer.content), filter_.group(1))
        return answer


def _after(words: list[str], option: str) -> list[str]:
    return [words[n + 1] for n, word in enumerate(words) if word == option]


def _picked(answer: object, path: str) -> str:
    """What a path such as `.items[0].id` means."""
    found: object = answer
    for step in re.findall(r"[a-z_]+|\d+", path):
        found = found[int(step)] if isinstance(found, list) else found[step]  # type: ignore[index]
    return str(found)
