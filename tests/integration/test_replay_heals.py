"""A parser that misread an upstream is mended: the archive, read again, heals what is stored."""

from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow.compute as pc
import pytest
from pydantic import SecretStr

from services.fetcher.answer import Answer, Parsed
from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient
from services.fetcher.registry import SourceRegistry
from shared.kafka import Producer, connect, declared_topics, ensure_topics
from shared.record import Rows
from shared.registry import discover
from shared.settings import Settings
from tests.fetching import Numbers
from tests.integration.misbehaving import Server, misbehaving, response
from tests.loading import load, query, snapshot


class Misread(Numbers):
    """Numbers whose reader takes them for tenths, and drops the last one."""

    def parse(self, answer: Answer) -> Parsed:
        (rows,) = super().parse(answer).rows
        place = rows.table.column_names.index("value")
        tenths = pc.divide(rows.table["value"], 10.0)
        wrong = rows.table.set_column(place, rows.table.schema.field("value"), tenths)
        return Parsed([Rows(rows.dataset, wrong.slice(0, len(tenths) - 1), rows.as_of)])


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with misbehaving() as serving:
        yield serving


async def test_an_archive_read_again_by_a_mended_parser_heals_rows_and_revisions(
    server: Server, loader_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "watchlist.toml").write_text('[numbers]\nnames = ["a"]\n')
    own = {"watchlist": tmp_path / "watchlist.toml", "fred_api_key": SecretStr("k" * 32)}
    settings = loader_settings.model_copy(update=own | {"fetch_archive_dir": tmp_path / "kept"})
    server.replies["/numbers/a"] = [response(b"10\n20\n30"), response(b"10\n25\n30\n40")]
    cluster = await connect(settings)
    await ensure_topics(cluster, declared_topics(settings, discover()))

    def client(_: object) -> HttpClient:
        return HttpClient({"127.0.0.1": 1_000.0}, schemes=("http",), private=True)

    async with Producer(cluster) as producer:
        misreading = SourceRegistry([Misread(server.address)])
        for _ in range(2):
            await Fetcher(settings, producer, registry=misreading, client=client).fetch_once()
        await load(settings)
        assert await values(settings) == [1.0, 2.5, 3.0]

        mended = Fetcher(settings, producer, registry=SourceRegistry([Numbers(server.address)]))
        await mended.replay(tmp_path / "kept")
        await load(settings)
        healed = await snapshot(settings)
        assert await values(settings) == [10.0, 25.0, 30.0, 40.0]
        assert await values(settings, "fred_data_revisions") == [20.0]
        assert healed["dead_letters"] == []

        await mended.replay(tmp_path / "kept")
        await load(settings)
        assert (await snapshot(settings))["fred_data"] == healed["fred_data"]
    assert len(server.requests) == 2


async def values(settings: Settings, table: str = "fred_data") -> list[object]:
    """Return the values of a table in order of their day and when they were known."""
    rows = await query(settings, f"SELECT value FROM {table} ORDER BY date, as_of")
    return [row["value"] for row in rows]
