"""Connects to the addresses that were checked, so that a name cannot change its mind in between."""

import ssl
from collections.abc import Sequence
from urllib.request import getproxies, proxy_bypass

import httpx

ADDRESSES = "econstream.addresses"
"""The extension of a request that says where to connect to, the best first."""


class PinnedTransport(httpx.AsyncBaseTransport):
    """Sends the requests of one host to the addresses that they bring, and resolves nothing.

    The name stays what it was in the Host header and in TLS, where the certificate must be of
    it. Addresses that take no connection are passed over; raises as httpx does where none does.
    One host has it alone, so that no connection serves a name for which no certificate was seen.
    """

    def __init__(self, trusted: ssl.SSLContext) -> None:
        self._inner = httpx.AsyncHTTPTransport(verify=trusted)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        addresses: Sequence[str] = request.extensions[ADDRESSES]
        for address in addresses[:-1]:
            try:
                return await self._inner.handle_async_request(_sent_to(address, request))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._inner.handle_async_request(_sent_to(addresses[-1], request))

    async def aclose(self) -> None:
        await self._inner.aclose()


def is_proxied(host: str) -> bool:
    """Return whether a host is asked through a proxy, as the environment says, and not directly."""
    proxies = getproxies()
    return any(proxies.get(kind) for kind in ("http", "https", "all")) and not proxy_bypass(host)


def pattern_of(host: str) -> str:
    """Return the pattern by which httpx knows the requests of a host."""
    return f"all://[{host}]" if ":" in host else f"all://{host}"


def _sent_to(address: str, request: httpx.Request) -> httpx.Request:
    """Return a request as it is sent to an address; its headers name the host already."""
    name = request.url.raw_host.decode("ascii")
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": name},
    )
