"""Servers of one's own network: asked only where whoever runs econstream says so."""

from collections.abc import AsyncIterator

import pytest

from services.fetcher.answer import Request, UpstreamError
from services.fetcher.fetcher import client_for
from services.fetcher.http import client as http
from services.fetcher.http.client import HttpClient, Limits
from tests.fetching import Numbers
from tests.integration.misbehaving import Server, misbehaving, response


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with misbehaving() as serving:
        serving.replies = {"/data": [response(b"1")]}
        yield serving


async def test_a_host_is_asked_over_http_where_it_is_named(server: Server) -> None:
    async with client_for([Numbers()], local=["127.0.0.1"]) as client:
        assert (await client.get(Request(server.url("/data")))).body == b"1"


@pytest.mark.parametrize("local", [[], ["127.0.0.2"]])
async def test_others_are_not(server: Server, local: list[str]) -> None:
    async with client_for([Numbers()], local=local) as client:
        with pytest.raises(UpstreamError, match="not one of the source's hosts"):
            await client.get(Request(server.url("/data")))
    assert server.requests == []


async def test_a_host_that_no_source_declares_is_refused_though_it_is_named(server: Server) -> None:
    address = server.url("/data").replace("127.0.0.1", "localhost")
    async with client_for([Numbers()], local=["localhost"]) as client:
        with pytest.raises(UpstreamError, match="not one of the source's hosts"):
            await client.get(Request(address))
    assert server.requests == []


async def test_nobody_outside_leads_to_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one outside is this machine by another name, which counts as public here."""

    def refuse(host: str, addresses: list[str], url: str) -> None:
        if host != "localhost":
            raise UpstreamError(f"{url}: {host} is private")

    monkeypatch.setattr(http, "refuse_private", refuse)
    server.replies["/away"] = [response(b"", 302, location=server.url("/data"))]
    rates = {"localhost": 1_000.0, "127.0.0.1": 1_000.0}
    client = HttpClient(rates, limits=Limits(attempts=1), schemes=("http",), local=["127.0.0.1"])
    outside = server.url("/away").replace("127.0.0.1", "localhost")
    async with client:
        assert (await client.get(Request(server.url("/away")))).body == b"1"
        server.requests.clear()
        with pytest.raises(UpstreamError, match=r"127\.0\.0\.1 is private"):
            await client.get(Request(outside))
    assert server.requests == ["/away"]
