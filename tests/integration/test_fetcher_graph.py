"""FRED's graph downloads against a real server: where they still answer, and where they refuse."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.registry import SourceRegistry
from services.fetcher.runs.report import FetchReport
from services.fetcher.sources import fred, fredgraph
from shared.settings import Settings
from tests.fetching import Collected
from tests.integration.misbehaving import ByHead, Server, misbehaving, response


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    async with misbehaving() as serving:
        monkeypatch.setattr(fredgraph, "_GRAPH", serving.url("/graph"))
        yield serving


async def fetched(folder: Path, published: Collected) -> FetchReport:
    """Fetch what is watched of FRED, by whichever source is meant to."""
    (folder / "watchlist.toml").write_text('[fred]\nseries = ["DFF", "GDP", "SOFR"]\n')
    client = HttpClient(
        {"127.0.0.1": 1_000.0}, limits=Limits(attempts=1), schemes=("http",), private=True
    )
    settings = Settings(watchlist=folder / "watchlist.toml")
    registry = SourceRegistry([fred.SOURCE, fredgraph.SOURCE])
    fetcher = Fetcher(settings, published, registry=registry, client=lambda _: client)
    return await fetcher.fetch_once()


async def test_without_a_key_the_graphs_are_read(server: Server, tmp_path: Path) -> None:
    async def graph(writer: object, _: str) -> None:
        name = server.requests[-1].partition("id=")[2]
        body = f"observation_date,{name}\n2024-07-01,1.5\n2024-07-02,.\n".encode()
        writer.write(response(body))  # type: ignore[attr-defined]  # a StreamWriter

    server.replies["/graph"] = [ByHead(graph)]
    published = Collected()
    report = await fetched(tmp_path, published)
    assert [run.source for run in report.runs] == ["fredgraph"]
    assert "set FRED_API_KEY" in str(report.left_out["fred"])
    found = [(row["series_id"], row["value"]) for row in published.values("fred_data")]
    assert found == [(name, v) for name in ("DFF", "GDP", "SOFR") for v in (1.5, None)]


async def test_a_refusal_says_to_set_the_key_and_ends_the_run(
    server: Server, tmp_path: Path
) -> None:
    server.replies["/graph"] = [response(b"<html>Forbidden</html>", 403)]
    published = Collected()
    (run,) = (await fetched(tmp_path, published)).runs
    assert len(server.requests) == 1
    assert (run.status, published.values("fred_data")) == ("failed", [])
    assert "set FRED_API_KEY" in run.upstream_errors[0]
    (logged,) = published.values("data_refresh_log")
    assert "set FRED_API_KEY" in str(logged["error_message"])
    assert "2 requests were not sent" in str(logged["error_message"])
