"""Everything that was recorded, from the archive over a real broker into each database."""

import asyncio
import datetime as dt
import json
from collections import Counter
from pathlib import Path

import pytest

from services.fetcher.app import FetchOrder, run_fetcher
from services.fetcher.runs.report import FetchReport
from shared.record import encode_time
from shared.registry import discover
from shared.settings import Settings
from tests.contract.counted import by_dataset, counted, expected
from tests.contract.recorded import ABSENT, FOLDER, WHY_SKIPPED, manifest
from tests.loading import load, query, snapshot

pytestmark = pytest.mark.skipif(ABSENT, reason=WHY_SKIPPED)

DESCRIPTIONS = manifest("fred/series_meta")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The recorded answers, and those that describe series, which their index leaves out."""
    folder = tmp_path / "recorded"
    folder.mkdir()
    (folder / "bodies").symlink_to(FOLDER)
    lines = [json.loads(line) for line in (FOLDER / "index.ndjson").read_text().splitlines()]
    for minute, recorded in enumerate(DESCRIPTIONS):
        answer = recorded.answer()
        at = encode_time(answer.fetched_at + dt.timedelta(minutes=minute))
        lines.append({"url": answer.url, "path": recorded.path, "fetched_at": at, "status": 200})
    text = (json.dumps({**line, "path": f"bodies/{line['path']}"}) + "\n" for line in lines)
    (folder / "index.ndjson").write_text("".join(text))
    return folder


async def replayed(settings: Settings, archive: Path) -> FetchReport:
    report = await run_fetcher(settings, FetchOrder(replay_dir=archive), asyncio.Event())
    assert report is not None
    assert (report.exit_status, report.faults, +report.unclaimed) == (0, [], Counter())
    return report


async def test_all_that_was_recorded_is_stored_and_a_second_replay_changes_nothing(
    archive: Path, loader_settings: Settings
) -> None:
    report = await replayed(loader_settings, archive)
    published: Counter[str] = sum((run.by_dataset for run in report.runs), Counter())
    assert by_dataset(published) == sum(map(expected, counted().values()), Counter())
    loaded = await load(loader_settings)
    assert loaded.dead_letters == 0
    assert await query(loader_settings, "SELECT * FROM dead_letters") == []
    stored = await snapshot(loader_settings)
    for dataset in discover():
        rows = stored[dataset.name]
        assert bool(rows) == bool(published[dataset.name] or dataset.name == "data_refresh_log")
    again = await replayed(loader_settings, archive)
    assert again.records == report.records
    await load(loader_settings)
    after = await snapshot(loader_settings)
    for log in (stored, after):
        log.pop("data_refresh_log")
    assert after == stored
