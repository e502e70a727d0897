"""Fetchers killed with -9 and fetchers side by side: nothing is lost, doubled or asked twice."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from shared.settings import Settings
from tests.integration.misbehaving import Reply, Server, misbehaving, response
from tests.loading import load, snapshot

NAMES = "abcdefgh"
FIGURES = [1.0, 2.0, 3.0]
BODY = "\n".join(map(str, FIGURES)).encode()


class Fetching:
    """Processes that fetch from one server onto one real Kafka."""

    def __init__(self, server: Server, settings: Settings, folder: Path) -> None:
        watchlist = folder / "watchlist.toml"
        watchlist.write_text(f"[numbers]\nnames = {json.dumps(list(NAMES))}\n")
        given = settings.model_dump(exclude_unset=True, mode="json")
        given |= {"watchlist": str(watchlist), "fred_api_key": "k" * 32}
        self.server, self.given = server, json.dumps(given)
        self.settings = settings.model_copy(
            update={"duckdb_path": folder / "test.duckdb", "data_dir": folder}
        )
        self.process: asyncio.subprocess.Process | None = None
        server.replies = {f"/numbers/{name}": [response(BODY)] for name in NAMES}
        # c has two further pages.
        server.replies |= {
            "/numbers/c": [response(b"next /numbers/c2\n" + BODY)],
            "/numbers/c2": [response(b"next /numbers/c3\n" + BODY)],
            "/numbers/c3": [response(BODY)],
        }

    async def start(self, **order: str) -> asyncio.subprocess.Process:
        order |= {"settings": self.given, "address": self.server.address}
        command = [sys.executable, "-m", "tests.faults.fetching", json.dumps(order)]
        root = Path(__file__).parents[2]
        self.process = await asyncio.create_subprocess_exec(*command, cwd=root)
        return self.process

    async def run(self, **order: str) -> int:
        """Run a fetcher to its end, and return its exit status."""
        process = await self.start(**order)
        async with asyncio.timeout(60):
            return await process.wait()

    async def kill(self, _: asyncio.StreamWriter) -> None:
        """Answer a request by killing whoever asks."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)

    @property
    def asked(self) -> list[str]:
        """What was asked since this was looked at last, in order."""
        found = [r.partition("?")[0].removeprefix("/numbers/") for r in self.server.requests]
        self.server.requests.clear()
        return found

    async def tables(self) -> dict[str, list[Any]]:
        """Load all there is, and return the tables."""
        await load(self.settings)
        return await snapshot(self.settings)


EVERYTHING = ["a", "b", "c", "c2", "c3", "d", "e", "f", "g", "h"]
SERIES = sorted(EVERYTHING)


@pytest.fixture
async def fetching(kafka_settings: Settings, tmp_path: Path) -> AsyncIterator[Fetching]:
    async with misbehaving() as server:
        yield Fetching(server, kafka_settings, tmp_path)


def hold(tables: dict[str, list[Any]]) -> None:
    """Check that every figure stands once, and no version beside it."""
    found = [(row["series_id"], row["value"]) for row in tables["fred_data"]]
    assert sorted(found) == [(name, figure) for name in SERIES for figure in FIGURES]
    assert tables["fred_data_revisions"] == tables["dead_letters"] == []


@pytest.mark.parametrize("at", ["c3", "e"])
async def test_a_backfill_that_was_killed_goes_on_where_it_was(fetching: Fetching, at: str) -> None:
    server = fetching.server
    good: list[Reply] = server.replies[f"/numbers/{at}"]
    server.replies[f"/numbers/{at}"] = [fetching.kill, *good]
    assert await fetching.run(since="2024-01-01") == -signal.SIGKILL
    assert fetching.asked == EVERYTHING[: EVERYTHING.index(at) + 1]
    assert await fetching.run(since="2024-01-01") == 0
    assert fetching.asked == EVERYTHING[EVERYTHING.index(at) :]
    hold(await fetching.tables())


@pytest.mark.parametrize("order", [{}, {"since": "2024-01-01"}], ids=["ordinary", "backfill"])
async def test_killed_before_it_remembers_it_fetches_again_and_doubles_nothing(
    fetching: Fetching, order: dict[str, str]
) -> None:
    assert await fetching.run(dies_at="/d", **order) == -signal.SIGKILL
    assert fetching.asked == EVERYTHING[: EVERYTHING.index("d") + 1]
    assert await fetching.run(**order) == 0
    again = fetching.asked
    assert again == (EVERYTHING[EVERYTHING.index("d") :] if order else EVERYTHING)
    tables = await fetching.tables()
    hold(tables)
    statuses = [row["status"] for row in tables["data_refresh_log"]]
    assert statuses == ["success"], "the killed run has none"


async def test_two_fetchers_at_once_do_no_harm(fetching: Fetching) -> None:
    both = asyncio.Barrier(2)

    def together(good: Reply) -> Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]]:
        async def reply(writer: asyncio.StreamWriter) -> None:
            await both.wait()
            assert isinstance(good, bytes)
            writer.write(good)
            await writer.drain()

        return reply

    calm = dict(fetching.server.replies)
    fetching.server.replies = {path: [together(good[0])] for path, good in calm.items()}
    processes = [await fetching.start(), await fetching.start()]
    async with asyncio.timeout(60):
        assert [await process.wait() for process in processes] == [0, 0]
    assert sorted(fetching.asked) == sorted(EVERYTHING * 2)
    fetching.server.replies = calm
    hold(await fetching.tables())
    assert await fetching.run() == 0
    tables = await fetching.tables()
    hold(tables)
    assert [row["status"] for row in tables["data_refresh_log"]].count("unchanged") == 1
