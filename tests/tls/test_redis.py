"""Redis over TLS and with a password: presence, fan-out and limits speak to the server that is named, and to no other."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis.exceptions

from common.engines import make_redis
from common.settings import ServiceSettings
from common.web.rates import Charge, Limits
from muniment import redis as redis_server
from muniment.errors import PlainError
from muniment.home import Home, find_home, passwords
from muniment.processes import Running, free_port
from tests.plugins.engines import do_without
from tests.tls.certificates import Authority

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def port(request: pytest.FixtureRequest, home: Home, authority: Authority) -> Iterator[int]:
    certificate, key = authority.issue("redis", "127.0.0.1")
    port = free_port()
    try:
        spec = redis_server.spec(find_home(), port, passwords(home)["redis"])
    except PlainError as reason:
        do_without(request, "Redis", str(reason))
    assert spec.stdin is not None
    secured = spec.stdin.replace(f"port {port}\n", f"port 0\ntls-port {port}\ntls-auth-clients no\n")
    secured += f"tls-cert-file {certificate}\ntls-key-file {key}\ntls-ca-cert-file {authority.file}\n"
    running = Running(replace(spec, stdin=secured), home.path / "redis.log")
    running.start()
    yield port
    running.stop()


def settings(home: Home, port: int, **changed: str) -> ServiceSettings:
    given = {"scheme": "rediss", "host": "127.0.0.1", "password": passwords(home)["redis"]} | changed
    url = f"{given['scheme']}://:{given['password']}@{given['host']}:{port}/0"
    return ServiceSettings(redis_url=url, redis_ca_file=given.get("ca", ""))


async def test_it_works_over_tls(home: Home, port: int, authority: Authority) -> None:
    chosen = settings(home, port, ca=str(authority.file))
    client = make_redis(chosen)
    assert await client.ping()
    await client.aclose()
    limits = Limits(chosen.model_copy(update={"rate_limits": {"reads": "2/60"}}))
    verdicts = [(await limits.charge(Charge("reads", "a")))[0].allowed for _ in range(3)]
    assert verdicts == [True, True, False]
    assert limits._without_redis_until == float("-inf")
    await limits.close()


@pytest.mark.parametrize("wrong", ["host", "ca", "system", "password", "scheme"])
async def test_another_server_or_no_password_is_refused(
    home: Home, port: int, authority: Authority, stranger: Authority, wrong: str
) -> None:
    changed = {"ca": str(authority.file)} | {
        "host": {"host": "localhost"},
        "ca": {"ca": str(stranger.file)},
        "system": {"ca": ""},
        "password": {"password": "guessed"},
        "scheme": {"scheme": "redis"},
    }[wrong]
    client = make_redis(settings(home, port, **changed))
    with pytest.raises((redis.exceptions.RedisError, OSError)):
        await client.ping()
    await client.aclose()
