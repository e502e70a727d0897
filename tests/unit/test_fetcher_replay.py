"""Replaying an archive: order, sources that are meant, answers of nobody, errors of the past."""

import asyncio
import json
from pathlib import Path

import pytest

from services.fetcher.app import FetchOrder, run_fetcher
from services.fetcher.fetcher import Fetcher
from services.fetcher.registry import SourceRegistry
from services.fetcher.runs.run import RunSummary
from services.fetcher.runs.summary import summary_lines
from shared.errors import ConfigError, Transient
from shared.settings import Settings
from tests.fetching import Collected, Numbers

NUMBERS = "http://127.0.0.1/numbers"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(watchlist=tmp_path / "none.toml")


def archive(folder: Path, *answers: tuple[str, str, str]) -> None:
    """Write an archive of answers: minute, URL, body."""
    lines = []
    for number, (minute, url, body) in enumerate(answers):
        (folder / f"{number}").write_text(body)
        lines.append(
            {
                "url": url,
                "path": str(number),
                "fetched_at": f"2024-11-03T12:{minute}:00Z",
                "status": 200,
                "headers": {},
            }
        )
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "index.ndjson").write_text(text)


def fetcher(settings: Settings, published: Collected | None) -> Fetcher:
    return Fetcher(settings, published, registry=SourceRegistry([Numbers()]))


async def test_answers_are_played_in_order_as_if_fetched_then(
    folder: Path, settings: Settings
) -> None:
    archive(folder, ("05", f"{NUMBERS}/a", "2"), ("01", f"{NUMBERS}/a", "1"))
    published = Collected()
    report = await fetcher(settings, published).replay(folder)
    assert [row["value"] for row in published.values("fred_data")] == [1.0, 2.0]
    assert [dict(r.headers)["as_of"] for r in published.records[:2]] == [
        b"2024-11-03T12:01:00.000000Z",
        b"2024-11-03T12:05:00.000000Z",
    ]
    assert [row["status"] for row in published.values("data_refresh_log")] == ["success"]
    assert report.exit_status == 0


async def test_answers_of_nobody_and_errors_of_the_past_are_told_and_fail_nothing(
    folder: Path, settings: Settings
) -> None:
    archive(
        folder,
        ("01", "https://example.org/other", "x"),
        ("02", "https://example.org/other", "x"),
        ("03", f"{NUMBERS}/a", "sorry"),
        ("04", f"{NUMBERS}/b", "1"),
    )
    published = Collected()
    report = await fetcher(settings, published).replay(folder)
    assert report.unclaimed == {"https://example.org/other": 2}
    assert report.runs[0].upstream_errors == [f"{NUMBERS}/a: the upstream says sorry"]
    assert report.exit_status == 0
    (logged,) = published.values("data_refresh_log")
    assert (logged["status"], logged["records_updated"]) == ("success", 1)
    assert "says sorry" in str(logged["error_message"])
    told = "\n".join(summary_lines(report))
    assert "numbers: upstream error: http://127.0.0.1/numbers/a: the upstream says sorry" in told
    assert "no source reads https://example.org/other (2 answers)" in told


@pytest.mark.parametrize("body", ["x", "fault"])
async def test_an_answer_that_cannot_be_read_fails_the_replay_and_the_others_go_on(
    folder: Path, settings: Settings, body: str
) -> None:
    archive(folder, ("01", f"{NUMBERS}/a", body), ("02", f"{NUMBERS}/b", "1"))
    published = Collected()
    report = await fetcher(settings, published).replay(folder)
    assert report.exit_status == 1
    assert report.runs[0].status == "partial"
    assert len(published.values("fred_data")) == 1


async def test_a_missing_body_and_a_broken_line_fail_the_replay(
    folder: Path, settings: Settings
) -> None:
    archive(folder, ("01", f"{NUMBERS}/a", "1"))
    (folder / "0").unlink()
    assert (await fetcher(settings, None).replay(folder)).exit_status == 1
    (folder / "index.ndjson").write_text("broken\n")
    report = await fetcher(settings, None).replay(folder)
    assert report.exit_status == 1
    assert report.faults[0].startswith("index.ndjson line 1")


async def test_an_answer_that_says_unchanged_makes_no_record(
    folder: Path, settings: Settings
) -> None:
    archive(folder, ("01", f"{NUMBERS}/a", ""))
    text = (folder / "index.ndjson").read_text().replace('"status": 200', '"status": 304')
    (folder / "index.ndjson").write_text(text)
    report = await fetcher(settings, Collected()).replay(folder)
    assert (report.runs[0].status, report.exit_status) == ("unchanged", 0)


async def test_names_choose_the_sources_whatever_their_case(
    folder: Path, settings: Settings
) -> None:
    archive(folder, ("01", f"{NUMBERS}/a", "1"))
    assert (await fetcher(settings, None).replay(folder, ["NUMBERS"])).records == 1
    with pytest.raises(ConfigError, match="no source is called fred: there are numbers"):
        await fetcher(settings, None).replay(folder, ["fred"])


async def test_progress_is_told_after_each_answer(folder: Path, settings: Settings) -> None:
    archive(folder, ("01", f"{NUMBERS}/a", "1"), ("02", f"{NUMBERS}/b", "1\n2"))
    seen: list[tuple[int, int, int]] = []

    def told(run: RunSummary) -> None:
        seen.append((run.answers, run.planned, run.records))

    await fetcher(settings, None).replay(folder, progress=told)
    assert seen[:2] == [(1, 2, 1), (2, 2, 3)]


async def test_a_broker_that_is_away_ends_the_replay(folder: Path, settings: Settings) -> None:
    archive(folder, ("01", f"{NUMBERS}/a", "1"), ("02", f"{NUMBERS}/b", "1"))
    with pytest.raises(Transient, match="the broker is away"):
        await fetcher(settings, Collected(away_after=1)).replay(folder)


async def test_a_dry_run_needs_no_broker(folder: Path, settings: Settings) -> None:
    archive(folder, ("01", "https://fred.example.org/", "1"))
    order = FetchOrder(replay_dir=folder, dry_run=True)
    report = await run_fetcher(settings, order, asyncio.Event())
    assert report is not None
    assert report.exit_status == 0
    stopped = asyncio.Event()
    stopped.set()
    with pytest.raises(Transient, match="stopped before the end"):
        await run_fetcher(settings, order, stopped)
