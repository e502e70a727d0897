"""Refuses upstreams whose name leads into a private network, whoever manages that name."""

import asyncio
import ipaddress
import socket

from services.fetcher.answer import UpstreamError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_CARRY_IPV4 = tuple(map(ipaddress.IPv6Network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48")))
"""Whose last 32 bits are an address of IPv4: deprecated, and NAT64 (RFC 6052, 8215)."""


async def refuse_private(host: str, port: int, url: str) -> None:
    """Raise UpstreamError where any address of a host is not one of the public internet.

    A name that cannot be resolved passes: connecting to it says so better, or goes through
    a proxy that knows it. Waits for the resolver, which bounds itself.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return
    for *_, place in found:
        address = _reached(ipaddress.ip_address(str(place[0]).partition("%")[0]))
        if not address.is_global or address.is_multicast:
            raise UpstreamError(
                f"{url}: {host} leads to {address}, which is not on the public internet: not "
                "asked. FETCH_LOCAL_HOSTS names the servers of your own network"
            )


def _reached(address: _Address) -> _Address:
    """Return the address that is reached in the end, where one of IPv6 carries one of IPv4."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour or address
    if any(address in network for network in _CARRY_IPV4) and int(address) > 1:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
