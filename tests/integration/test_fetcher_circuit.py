"""An upstream that hangs: the others go on, its circuit opens, and closes when it is back."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
from prometheus_client import REGISTRY

from services.fetcher.answer import Request
from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.registry import SourceRegistry
from services.fetcher.schedule.cadence import Breaker, Every
from shared.metrics import FETCHER_CIRCUIT_OPEN, FETCHER_FAILURES, FETCHER_RUNS
from shared.settings import Settings
from tests.fetching import Collected, Numbers
from tests.integration.misbehaving import Server, misbehaving, response
from tests.waiting import until


class Lively(Numbers):
    """Numbers of an upstream that answers, due again at once."""

    name: ClassVar[str] = "lively"
    cadence: ClassVar[Every] = Every(dt.timedelta(milliseconds=20))

    def requests(self, *_: object) -> Sequence[Request]:
        return [Request(f"http://{self._address}/numbers/{self.name}")]


class Hanging(Lively):
    """Numbers of an upstream that takes the question and never answers."""

    name: ClassVar[str] = "hanging"


def told(metric: str, **labels: str) -> float:
    """Return what a metric says of the hanging source."""
    return REGISTRY.get_sample_value(metric, {"source": "hanging", **labels}) or 0.0


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with misbehaving() as serving:
        yield serving


async def test_a_hanging_upstream_delays_no_other_and_its_circuit_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Breaker, "FIRST", dt.timedelta(milliseconds=5))

    meanwhile: list[int] = []

    async def silent(_: asyncio.StreamWriter) -> None:
        before = server.requests.count("/numbers/lively")
        await until(lambda: server.requests.count("/numbers/lively") > before + 1)
        meanwhile.append(before)
        await asyncio.sleep(60)

    server.replies = {
        "/numbers/lively": [response(b"1")],
        "/numbers/hanging": [*[silent] * 4, response(b"1")],
    }
    (tmp_path / "watchlist.toml").write_text("")
    published, stop = Collected(), asyncio.Event()
    failures = told(FETCHER_FAILURES.series)
    fetcher = Fetcher(
        Settings(watchlist=tmp_path / "watchlist.toml"),
        published,
        registry=SourceRegistry([Lively(server.address), Hanging(server.address)]),
        client=partial(client, seconds=0.6),
    )
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(fetcher.serve(stop))
        await until(lambda: told(FETCHER_CIRCUIT_OPEN.series) == 1)
        assert len(meanwhile) >= 3, "the other was asked again during each hang"
        await until(lambda: told(FETCHER_RUNS.series, status="success") >= 1)
        await until(lambda: told(FETCHER_CIRCUIT_OPEN.series) == 0)
        stop.set()
    assert told(FETCHER_FAILURES.series) - failures == 4
    logged = published.values("data_refresh_log")
    failed = [row["error_message"] for row in logged if row["status"] == "failed"]
    assert len(failed) == 4
    assert all("too slow" in str(message) for message in failed)


def client(_: object, seconds: float) -> HttpClient:
    limits = Limits(attempts=1, seconds=seconds)
    return HttpClient({"127.0.0.1": 1_000.0}, limits=limits, schemes=("http",), private=True)
