"""Refuses upstreams whose name leads into a private network, whoever manages that name."""

import asyncio
import ipaddress
import socket

from services.fetcher.answer import UpstreamError


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
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if not address.is_global or address.is_multicast:
            raise UpstreamError(
                f"{url}: {host} leads to {address}, which is not on the public internet: not "
                "asked. FETCH_LOCAL_HOSTS names the servers of your own network"
            )
