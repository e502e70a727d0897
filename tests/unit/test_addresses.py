"""Which addresses a fetcher asks: those of the public internet, however they are written."""

import asyncio
import socket
import threading
from typing import NoReturn

import pytest

from services.fetcher.answer import UpstreamError
from services.fetcher.http.addresses import refuse_private, resolve

PRIVATE = (
    *("127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.1.2.3", "224.0.0.1"),
    *("::", "::1", "fd00::1", "fe80::1", "ff02::1"),
    *("::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "2002:a00:1::"),
)
PUBLIC = ("1.1.1.1", "2606:4700::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::")


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_and_told_what_to_set(address: str) -> None:
    with pytest.raises(UpstreamError, match="FETCH_LOCAL_HOSTS"):
        refuse_private("example.org", [address], "https://example.org/")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_asked(address: str) -> None:
    refuse_private("example.org", [address], "https://example.org/")


async def test_a_name_that_cannot_be_one_is_told_as_the_resolver_tells_it() -> None:
    with pytest.raises(UnicodeError):
        await resolve("a" * 64 + ".example.org", 443)


async def test_a_name_of_this_machine_leads_to_loopback_by_ipv4_first() -> None:
    assert (await resolve("localhost", 443))[0] == "127.0.0.1"


def test_names_that_are_long_looked_up_hold_up_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a network a resolver takes ten seconds for each name; this one takes for ever."""
    released = threading.Event()

    def unanswered(*_: object, **__: object) -> NoReturn:
        released.wait(120)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    async def ask() -> None:
        asking = [asyncio.create_task(resolve("upstream.example.org", 443)) for _ in range(40)]
        await asyncio.sleep(0)
        async with asyncio.timeout(30):
            assert await asyncio.to_thread(str, 1) == "1"
        for task in asking:
            task.cancel()

    monkeypatch.setattr(socket, "getaddrinfo", unanswered)
    asyncio.run(ask())
    assert not released.is_set()
    released.set()
