"""Where upstreams' names lead, and that it is never into a private network."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from services.fetcher.answer import UpstreamError
from shared.errors import Transient

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host, the best first; raises OSError where it has none."""

_CARRY_IPV4 = tuple(map(ipaddress.IPv6Network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48")))
"""Whose last 32 bits are an address of IPv4: deprecated, and NAT64 (RFC 6052, 8215)."""


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, those of IPv4 first; raises OSError for an unknown name.

    Waits for the machine's resolver, which without a network may take ten seconds.
    """
    found = await _look_up(host, port)
    # One after the other is tried, and a machine without IPv6 may not know that it has none.
    found.sort(key=lambda place: place[0] is not socket.AF_INET)
    addresses = dict.fromkeys(str(place[-1][0]) for place in found)
    # What counts on one link only, with its name behind a %, cannot stand in a URL.
    return [address for address in addresses if "%" not in address]


async def _look_up(host: str, port: int) -> list[Any]:
    """Return what `getaddrinfo` does, from a thread of its own that nothing waits for.

    The event loop's threads are few and belong to all that runs on it: a few sources whose names
    lead nowhere would hold up the API and the loader beside them, and the end of the process.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any] | Exception] = loop.create_future()

    def tell(found: list[Any] | Exception) -> None:
        if not answer.done():
            answer.set_result(found)

    def ask() -> None:
        found: list[Any] | Exception
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            found = exc
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=ask, name=f"look-up-{host}", daemon=True).start()
    if isinstance(found := await answer, Exception):
        raise found
    return found


async def addresses_of(resolver: Resolver, host: str, port: int, url: str) -> list[str]:
    """Return what a resolver says of a host; raises Transient, which names the URL, for nothing."""
    try:
        found = await resolver(host, port)
    except (OSError, UnicodeError) as exc:
        raise Transient(f"{url}: the name {host} cannot be resolved") from exc
    if not found:
        raise Transient(f"{url}: the name {host} leads to no address")
    return found


def refuse_private(host: str, addresses: list[str], url: str) -> None:
    """Raise UpstreamError where any address of a host is not one of the public internet."""
    for text in addresses:
        address = _reached(ipaddress.ip_address(text))
        if not is_public(address):
            raise UpstreamError(
                f"{url}: {host} leads to {address}, which is not on the public internet: not "
                "asked. FETCH_LOCAL_HOSTS names the servers of your own network"
            )


def is_public(address: _Address) -> bool:
    """Return whether an address is one of the public internet, of one machine."""
    return address.is_global and not address.is_multicast


def _reached(address: _Address) -> _Address:
    """Return the address that is reached in the end, where one of IPv6 carries one of IPv4."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour or address
    if any(address in network for network in _CARRY_IPV4) and int(address) > 1:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
