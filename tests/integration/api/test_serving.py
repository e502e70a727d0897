"""The server in a loop that is not its own: ports, signals, start and end."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from services.api.app import create_app, run_api, serve
from shared import serving
from shared.errors import ConfigError
from shared.serving import listening
from shared.settings import Settings
from tests.api import REGISTRY, ScriptedDatabase


async def test_the_api_is_a_process_of_its_own(tmp_path: Path) -> None:
    """From an empty DuckDB file to an answer, and to the end when asked."""
    stop = asyncio.Event()
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    settings = Settings(duckdb_path=tmp_path / "new.duckdb", api_port=0)
    running = asyncio.create_task(run_api(settings, stop, announce=address.set_result))
    async with asyncio.timeout(30):
        base = await address
        async with httpx.AsyncClient(base_url=base) as client:
            assert (await client.get("/health/ready")).status_code == 200
            assert (await client.get("/v1/data/fred_data?format=csv")).text == (
                "series_id,date,value,as_of\n"
            )
        stop.set()
        await running
        with pytest.raises(httpx.ConnectError):
            await httpx.AsyncClient().get(base)


async def test_a_port_that_is_taken_is_named() -> None:
    app = create_app(ScriptedDatabase().as_database, REGISTRY, Settings())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} is in use: set API_PORT"):
            await serve(app, Settings(api_port=port), asyncio.Event())


async def test_an_address_that_is_not_ours_is_refused() -> None:
    app = create_app(ScriptedDatabase().as_database, REGISTRY, Settings())
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
        await serve(app, Settings(api_host="192.0.2.1", api_port=0), asyncio.Event())


async def test_signals_stay_with_the_process() -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with listening(Starlette(), "127.0.0.1", 0):
        now = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        assert now == handlers
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.mark.parametrize("cancelled", [False, True])
async def test_answers_under_way_are_finished_at_the_end(cancelled: bool) -> None:
    asked, finish = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> PlainTextResponse:
        asked.set()
        await finish.wait()
        return PlainTextResponse("whole")

    app = Starlette(routes=[Route("/", slow)])
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()

    async def run() -> None:
        async with listening(app, "127.0.0.1", 0) as server:
            address.set_result(server.address)
            await server.until(stop)

    running = asyncio.create_task(run())
    async with asyncio.timeout(20), httpx.AsyncClient(base_url=await address) as client:
        response = asyncio.create_task(client.get("/"))
        await asked.wait()
        if cancelled:
            running.cancel()
        else:
            stop.set()
        await asyncio.sleep(0)
        assert not running.done()
        finish.set()
        assert (await response).text == "whole"
        await asyncio.wait([running])
    assert running.cancelled() == cancelled


async def test_an_answer_that_outlasts_the_drain_is_broken_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "DRAIN_SECONDS", 1)

    async def endless(_: Request) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"a part"
            await asyncio.Event().wait()

        return StreamingResponse(parts())

    app = Starlette(routes=[Route("/", endless)])
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        await read_while_it_ends(app)
    assert not any(record.exc_info for record in caplog.records)


async def read_while_it_ends(app: Starlette) -> None:
    async with httpx.AsyncClient(timeout=20) as client, AsyncExitStack() as closing:
        server = await closing.enter_async_context(listening(app, "127.0.0.1", 0))
        async with client.stream("GET", server.address) as response:
            async for _ in response.aiter_bytes():
                await closing.aclose()
