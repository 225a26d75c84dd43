"""An audit entry names the network terminal, and a client cannot forge it (S3-103)."""

from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from common.settings import ServiceSettings
from common.testing import client_of
from common.web.app import create_app
from common.web.callers import Terminal
from common.web.terminals import TrustedProxies

pytestmark = pytest.mark.req("S3-103")
PROXIES = TrustedProxies(["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7"])


def scope(peer: str | None, *values: str, header: str = "x-forwarded-for") -> dict[str, Any]:
    return {
        "client": (peer, 1) if peer is not None else None,
        "headers": [(header.encode(), value.encode()) for value in values],
    }


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "client-ip"])
def test_what_a_client_says_of_itself_changes_nothing(header: str) -> None:
    forged = scope("203.0.113.9", "198.51.100.1", header=header)
    assert PROXIES.terminal(forged) == "203.0.113.9"
    assert TrustedProxies(()).terminal(forged) == "203.0.113.9"


@pytest.mark.parametrize(
    ("peer", "values", "terminal"),
    [
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),  # the left one is the client's invention
        ("10.0.0.1", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 10.2.3.4"], "203.0.113.9"),
        ("10.0.0.1", ["10.9.9.9, 203.0.113.9, 10.2.3.4, 192.0.2.7"], "203.0.113.9"),
        ("10.0.0.1", ["10.9.9.9, 10.2.3.4"], "10.9.9.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, _hidden, 10.1.1.1"], "10.1.1.1"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["2001:db8:9::5"], "2001:db8:9::5"),
        ("10.0.0.1", ["[2001:DB8:9::5]:4711"], "2001:db8:9::5"),
        ("10.0.0.1", ["fe80::1%eth0"], "fe80::1"),
        ("10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("2001:db8:1::2", ["203.0.113.9"], "203.0.113.9"),
        ("2001:db8:2::2", ["203.0.113.9"], "2001:db8:2::2"),
        ("10.0.0.1", ["203.0.113.9', DROP"], "10.0.0.1"),
        ("10.0.0.1", [", ".join(["203.0.113.9"] + ["10.0.0.2"] * 10_000)], "10.0.0.2"),
    ],
)
def test_behind_trusted_proxies_the_right_most_other_address_counts(
    peer: str, values: list[str], terminal: str
) -> None:
    assert PROXIES.terminal(scope(peer, *values)) == terminal


def test_only_the_header_that_the_proxies_write_is_read() -> None:
    """A proxy that writes X-Forwarded-For hands on a Forwarded that the client made up."""
    assert PROXIES.terminal(scope("10.0.0.1", "for=198.51.100.1", header="forwarded")) == "10.0.0.1"
    forwarded = TrustedProxies(["10.0.0.0/8"], "forwarded")
    assert forwarded.terminal(scope("10.0.0.1", "198.51.100.1")) == "10.0.0.1"
    for text in (
        'for=198.51.100.1, for="[2001:db8::7]:99";proto=https;by=10.0.0.1',
        "proto=http;For=198.51.100.1, For=[2001:db8::7];host=x",
    ):
        assert forwarded.terminal(scope("10.0.0.1", text, header="forwarded")) == "2001:db8::7"
    assert forwarded.terminal(scope("10.0.0.1", "proto=https", header="forwarded")) == "10.0.0.1"


def test_a_socket_of_this_machine_is_trusted_only_by_name() -> None:
    behind = scope(None, "203.0.113.9")
    assert PROXIES.terminal(behind) == "unknown"
    assert TrustedProxies(["unix"]).terminal(behind) == "203.0.113.9"
    assert TrustedProxies(["unix"]).terminal(scope("testclient", "203.0.113.9")) == "testclient"


def test_a_network_that_is_none_is_no_setting() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        TrustedProxies(["10.0.0.0/99"])
    assert TrustedProxies(["::ffff:10.0.0.0/104"]).terminal(scope("10.1.1.1", "203.0.113.9")) == "203.0.113.9"


def application(**settings: Any) -> FastAPI:
    router = APIRouter()

    @router.get("/whence")
    async def whence(terminal: Terminal) -> str:
        return terminal

    return create_app(title="t", description="d", routers=[router], checks={}, settings=ServiceSettings(**settings))


async def test_through_the_application() -> None:
    headers = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=198.51.100.1"}
    async with client_of(application()) as client:
        assert (await client.get("/whence", headers=headers)).json() == "127.0.0.1"
    async with client_of(application(trusted_proxies=("127.0.0.0/8",))) as client:
        assert (await client.get("/whence", headers=headers)).json() == "203.0.113.9"


async def test_the_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_TRUSTED_PROXIES", '["127.0.0.0/8", "::1"]')
    monkeypatch.setenv("MUNIMENT_FORWARDED_HEADER", "forwarded")
    app = create_app(title="t", description="d", routers=[], checks={}, settings=ServiceSettings())
    proxies: TrustedProxies = app.state.proxies
    assert proxies.terminal(scope("::1", "for=203.0.113.9", header="forwarded")) == "203.0.113.9"
    assert httpx.URL("http://x").host == "x"
