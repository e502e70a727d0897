"""A source with a fault of its own, such as a plugin's, beside one without."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.fetcher.answer import Request
from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.registry import SourceRegistry
from services.fetcher.watchlist.file import Watchlist, add_names, remove_names
from shared.errors import ConfigError
from shared.settings import Settings
from tests.fetching import Collected, Numbers
from tests.integration.misbehaving import Server, misbehaving, response
from tests.waiting import until


class Faulty(Numbers):
    """Numbers that cannot bear one name on the watchlist."""

    name: ClassVar[str] = "faulty"

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        if "bad" in watchlist.names(self.name, self.watches):
            raise LookupError("no such thing")
        return super().requests(watchlist, settings, since)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with misbehaving() as serving:
        serving.replies = {f"/numbers/{name}": [response(b"1")] for name in "abc"}
        yield serving


def both(folder: Path, server: Server, published: Collected, faulty: str) -> Fetcher:
    path = folder / "watchlist.toml"
    path.write_text(f'[numbers]\nnames = ["a"]\n[faulty]\nnames = ["{faulty}"]\n')
    client = HttpClient(
        {"127.0.0.1": 1_000.0}, limits=Limits(attempts=1), schemes=("http",), private=True
    )
    return Fetcher(
        Settings(watchlist=path, fred_api_key=SecretStr("k" * 32)),
        published,
        registry=SourceRegistry([Numbers(server.address), Faulty(server.address)]),
        client=lambda _: client,
    )


def series(published: Collected) -> list[object]:
    return [row["series_id"] for row in published.values("fred_data")]


async def test_it_is_left_out_with_the_reason_and_the_other_is_fetched(
    tmp_path: Path, server: Server
) -> None:
    published = Collected()
    fetcher = both(tmp_path, server, published, "bad")
    report = await fetcher.fetch_once()
    assert series(published) == ["a"]
    assert "a fault in the source faulty: LookupError" in str(report.left_out["faulty"])
    assert report.exit_status == 1
    with pytest.raises(ConfigError, match="a fault in the source faulty"):
        await fetcher.fetch_once(["faulty"])


async def test_a_fault_that_the_watchlist_brings_leaves_the_service_running(
    tmp_path: Path, server: Server
) -> None:
    published, stop, path = Collected(), asyncio.Event(), tmp_path / "watchlist.toml"
    fetcher = both(tmp_path, server, published, "b")
    with capture_logs() as lines:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            group.create_task(fetcher.serve(stop))
            await until(lambda: sorted(map(str, series(published))) == ["a", "b"])
            add_names(path, "faulty", "names", ["bad"])
            await until(lambda: "refresh_postponed" in [line["event"] for line in lines])
            remove_names(path, "faulty", "names", ["bad"])
            add_names(path, "numbers", "names", ["c"])
            await until(lambda: "c" in series(published))
            stop.set()
    [postponed] = [line for line in lines if line["event"] == "refresh_postponed"]
    assert "LookupError" in postponed["reason"]
