"""How often somebody may do something: limits by who calls and by where from (GCRA, one number for each caller).

The count is kept in Redis for all processes, else in this one. While Redis is out of reach each process counts by itself:
the door is then neither shut nor wide open.
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter

from common.engines import make_redis
from common.errors import TooManyError
from common.settings import ServiceSettings
from common.telemetry import get_logger

if TYPE_CHECKING:
    import redis.asyncio

DEFAULTS = {
    "reads": "1200/60",
    "searches": "120/60",
    "writes": "600/60",
    "exports": "30/60",
    "programs": "120000/60",
    "terminal": "12000/60",
    "failures": "30/60",
}
"""Operation class → requests / seconds. `programs`: everything a service client does; `terminal`: everything from one
network terminal, behind which a whole office may sit; `failures`: failed authentications from one terminal.
"""

MOST_CALLERS = 100_000
SLACK = 1e-6
"""Seconds by which sums of fractions may be off."""

REDIS_SECONDS = 0.25
RETRY_REDIS_SECONDS = 2.0
_RATE = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,5})")

LIMITED = Counter("muniment_limited_total", "Requests refused because there were too many", ["limit"])
log = get_logger("rates")

_SCRIPT = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local answer = {}
for i, key in ipairs(KEYS) do
  local amount, seconds, cost = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local full = math.max(tonumber(redis.call('GET', key) or '0'), now)
  local wanted = full + cost * seconds / amount
  local room = now + seconds - wanted
  if room >= -0.000001 and (cost > 0 or room >= seconds / amount - 0.000001) then
    if cost > 0 then redis.call('SET', key, string.format('%.6f', wanted), 'PX', math.ceil((wanted - now) * 1000)) end
    answer[i] = string.format('%.6f', wanted - now)
  else
    answer[i] = string.format('-%.6f', full - now)
  end
end
return answer
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds; all of them may come at once, and then one by one as time passes."""

    amount: int
    seconds: int

    @classmethod
    def read(cls, text: str) -> "Rate":
        """Raises:
        ValueError: it is not written as amount/seconds.
        """
        found = _RATE.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no limit: write amount/seconds, as 600/60")
        return cls(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Charge:
    """One limit that a request counts towards. With `cost` 0 it is only asked whether there is room."""

    limit: str
    who: str
    cost: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a charge came out.

    Attributes:
        spent: seconds of the window that are used up now; what remains is `rate.seconds` less this.
    """

    limit: str
    rate: Rate
    allowed: bool
    spent: float

    @property
    def headers(self) -> dict[str, str]:
        """What the caller is told (RateLimit header fields for HTTP, draft-ietf-httpapi-ratelimit-headers)."""
        left = max(0, int((self.rate.seconds - self.spent) * self.rate.amount / self.rate.seconds + SLACK))
        told = {
            "RateLimit-Policy": f'"{self.limit}";q={self.rate.amount};w={self.rate.seconds}',
            "RateLimit": f'"{self.limit}";r={left if self.allowed else 0};t={max(1, round(self.spent))}',
        }
        return told if self.allowed else told | {"Retry-After": str(self.wait)}

    @property
    def wait(self) -> int:
        """Seconds until there is room for one."""
        return max(1, int(self.spent - self.rate.seconds + self.rate.seconds / self.rate.amount + 0.999))


class Limits:
    """Args:
    settings: `rate_limits` override the defaults, by class.

    Raises:
        ValueError: a limit has no class of this name, or is none.
    """

    def __init__(self, settings: ServiceSettings, *, redis: "redis.asyncio.Redis | None" = None) -> None:
        if unknown := settings.rate_limits.keys() - DEFAULTS.keys():
            raise ValueError(f"MUNIMENT_RATE_LIMITS names what is no class: {', '.join(sorted(unknown))}")
        self.rates = {name: Rate.read(text) for name, text in (DEFAULTS | dict(settings.rate_limits)).items()}
        self._redis = redis
        if redis is None and settings.redis_url != "memory://":
            self._redis = make_redis(settings)
        self._script: Any = self._redis.register_script(_SCRIPT) if self._redis is not None else None
        self._here = _Here()
        self._without_redis_until = float("-inf")

    async def charge(self, *charges: Charge) -> list[Verdict]:
        """Count a request towards each of these limits; one that has no room is not counted there."""
        spent = await self._in_redis(charges) if self._script is not None else None
        if spent is None:
            spent = [self._here.spend(_key(one), self.rates[one.limit], one.cost) for one in charges]
        return [Verdict(one.limit, self.rates[one.limit], *s) for one, s in zip(charges, spent, strict=True)]

    async def require(self, *charges: Charge) -> list[Verdict]:
        """The same, and refuse if any has no room.

        Raises:
            TooManyError: with the headers that say when to come back.
        """
        verdicts = await self.charge(*charges)
        for verdict in verdicts:
            if not verdict.allowed:
                LIMITED.labels(verdict.limit).inc()
                raise TooManyRequestsError(verdict)
        return verdicts

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()

    async def _in_redis(self, charges: Sequence[Charge]) -> list[tuple[bool, float]] | None:
        if monotonic() < self._without_redis_until:
            return None
        import redis.exceptions  # noqa: PLC0415 - without Redis there is nothing to catch

        arguments = [n for one in charges for n in (*_numbers(self.rates[one.limit]), one.cost)]
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                answers = await self._script(keys=[_key(one) for one in charges], args=arguments)
        except (redis.exceptions.RedisError, OSError, TimeoutError) as error:
            # Others need not wait for what this one found out.
            self._without_redis_until = monotonic() + RETRY_REDIS_SECONDS
            log.warning("rates.redis_out_of_reach", error=type(error).__name__)
            return None
        return [(not text.startswith(b"-"), abs(float(text))) for text in answers]


class _Here:
    """The same count within this process, for the callers seen last."""

    def __init__(self) -> None:
        self._full: OrderedDict[str, float] = OrderedDict()

    def spend(self, key: str, rate: Rate, cost: int) -> tuple[bool, float]:
        now = monotonic()
        full = max(self._full.get(key, 0.0), now)
        wanted = full + cost * rate.seconds / rate.amount
        room = now + rate.seconds - wanted
        if room < -SLACK or (cost == 0 and room < rate.seconds / rate.amount - SLACK):
            return False, full - now
        if cost:
            self._full[key] = wanted
            self._full.move_to_end(key)
            if len(self._full) > MOST_CALLERS:
                self._forget(now)
        return True, wanted - now

    def _forget(self, now: float) -> None:
        """Those who owe nothing any more; if nobody, those who were not seen for longest."""
        for key in [key for key, full in self._full.items() if full <= now] or list(self._full)[: MOST_CALLERS // 10]:
            del self._full[key]


class TooManyRequestsError(TooManyError):
    def __init__(self, verdict: Verdict) -> None:
        rate = verdict.rate
        super().__init__(
            f"more than {rate.amount} {verdict.limit} in {rate.seconds} s: go on in {verdict.wait} s, see Retry-After"
        )
        self.headers = verdict.headers


def class_of(operation: str, method: str) -> str:
    """The class of limits that an operation belongs to, by its name in the table of permissions and its method."""
    act = operation.rpartition(".")[2]
    if act in EXPORTS:
        return "exports"
    if act.startswith(("search", "list")):
        return "searches"
    return "reads" if method in {"GET", "HEAD"} else "writes"


EXPORTS = frozenset({"copy", "export", "download", "package"})
"""What operations are called by which records leave as a file."""


def _numbers(rate: Rate) -> tuple[int, int]:
    return rate.amount, rate.seconds


def _key(charge: Charge) -> str:
    """Who calls stands in no key: a key is shown by tools and in dumps."""
    return f"muniment:rate:{charge.limit}:{hashlib.sha256(charge.who.encode()).hexdigest()[:24]}"


def told(verdicts: Sequence[Verdict]) -> Mapping[str, str]:
    """Headers of the limit that is nearest to its end."""
    return max(verdicts, key=lambda one: one.spent / one.rate.seconds).headers if verdicts else {}
