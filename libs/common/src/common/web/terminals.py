"""From which network terminal a request comes (S3-103): the connection says it, or a proxy that is named as trusted.

What a client writes of itself counts for nothing: of a chain of addresses the right-most one that is not a trusted
proxy's is taken, since everything left of it was written by that address or before it.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from common.settings import ServiceSettings

UNKNOWN = "unknown"
UNIX = "unix"
"""Stands in the setting for connections over a Unix socket, which have no address."""

MOST_HOPS = 32
_MAPPED_BITS = 96
Address = IPv4Address | IPv6Address


class TrustedProxies:
    """Args:
    networks: addresses and networks (CIDR) of the proxies in front; `unix` for a proxy on this machine's socket.
    header: the one header that these proxies write: `x-forwarded-for` or `forwarded` (RFC 7239). Another is never
        read, since a proxy that writes one passes on what a client wrote into the other.

    Raises:
        ValueError: an entry is no network.
    """

    def __init__(self, networks: Iterable[str], header: str = "x-forwarded-for") -> None:
        named = set(networks)
        self._unix = UNIX in named
        self._networks = tuple(_network(text) for text in sorted(named - {UNIX}))
        self._header = header.encode()

    @classmethod
    def of(cls, settings: ServiceSettings) -> "TrustedProxies":
        return cls(settings.trusted_proxies, settings.forwarded_header)

    def terminal(self, scope: Mapping[str, Any]) -> str:
        """The terminal of this connection or request; `unknown` for what has no address."""
        client = scope.get("client")
        peer = _address(client[0]) if client else None
        if peer is None:
            named = str(client[0]) if client else UNKNOWN
            return self._behind(scope, named) if client is None and self._unix else named
        return self._behind(scope, str(peer)) if self._trusts(peer) else str(peer)

    def _behind(self, scope: Mapping[str, Any], nearest: str) -> str:
        """The right-most hop that no trusted proxy is; where a hop is no address, the proxy that wrote it."""
        text = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == self._header)
        hops = text.split(",")[-MOST_HOPS:] if text else []
        for hop in reversed(hops):
            address = _address(_for(hop) if self._header == b"forwarded" else hop)
            if address is None:
                return nearest
            nearest = str(address)
            if not self._trusts(address):
                return nearest
        return nearest

    def _trusts(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._networks)


def _network(text: str) -> Any:
    network = ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS and network.network_address.ipv4_mapped:
        return ip_network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - _MAPPED_BITS}")
    return network


def _address(text: str) -> Address | None:
    """An address as proxies write it: with or without port, IPv6 in brackets or bare; an IPv4 one in IPv6's clothes is IPv4."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _for(element: str) -> str:
    """The `for` of an element of the header Forwarded; empty where there is none."""
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value
    return ""
