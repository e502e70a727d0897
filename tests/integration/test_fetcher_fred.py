"""FRED kept fresh over several runs against a real server: updates decide what is asked."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from services.fetcher import fred_asking
from services.fetcher.answer import query_of
from services.fetcher.fetcher import Fetcher
from services.fetcher.http import HttpClient, Limits
from services.fetcher.memory import COMPLETE, Had
from services.fetcher.registry import SourceRegistry
from services.fetcher.run import RunSummary
from services.fetcher.sources.fred import Fred
from shared.settings import Settings
from tests.fetching import Collected, Remembered
from tests.integration.misbehaving import ByHead, Server, misbehaving, response
from tests.unit.answers import observation, observations

WATCHED = '[fred]\nseries = ["GDP", "DFF"]\nvintages = ["GDP"]\n'
DESCRIBED = {
    "realtime_start": "2024-11-03",
    "realtime_end": "2024-11-03",
    "title": "x",
    "units": "%",
    "units_short": "%",
    "frequency": "Daily",
    "seasonal_adjustment": "none",
    "last_updated": "2024-10-30 07:54:01-05",
}


class Keeping:
    """Runs of FRED, one after the other, that share a memory."""

    def __init__(self, server: Server, folder: Path) -> None:
        (folder / "watchlist.toml").write_text(WATCHED)
        self.settings = Settings(
            watchlist=folder / "watchlist.toml", fred_api_key=SecretStr("k" * 32)
        )
        self.server, self.states, self.published = server, Remembered(), Collected()
        self.value, self.updates, self.count = "1", list[str](), 0
        server.replies = {
            f"/fred/series{route}": [ByHead(self.reply)]
            for route in ("", "/observations", "/vintagedates", "/updates")
        }

    async def run(self) -> RunSummary:
        self.server.requests.clear()
        client = HttpClient(
            {"127.0.0.1": 1_000.0}, limits=Limits(attempts=1), schemes=("http",), private=True
        )
        fetcher = Fetcher(
            self.settings,
            self.published,
            states=self.states,
            registry=SourceRegistry([Fred()]),
            client=lambda _: client,
        )
        (run,) = (await fetcher.fetch_once()).runs
        return run

    async def reply(self, writer: object, head: str) -> None:
        target = self.server.requests[-1]
        body = self.body(target.partition("?")[0].rpartition("/")[2], query_of(target))
        writer.write(response(orjson.dumps(body)))  # type: ignore[attr-defined]  # a StreamWriter

    def body(self, route: str, query: dict[str, str]) -> object:
        match route:
            case "updates":
                found = [{"id": name} for name in self.updates]
                return {"seriess": found, "count": self.count or len(found), "offset": 0}
            case "vintagedates":
                return {"vintage_dates": ["2024-10-30"], "count": 1, "offset": 0}
            case "series":
                return {"seriess": [{"id": query["series_id"], **DESCRIBED}]}
        start = "2024-10-30" if "realtime_start" in query else "2024-11-03"
        answered = observations([observation("2024-07-01", self.value, start)])
        return orjson.loads(answered.body)

    @property
    def asked(self) -> list[str]:
        """The routes and series of the last run, in order."""
        pairs = [(target.partition("?")[0], query_of(target)) for target in self.server.requests]
        return [f"{path.rpartition('/')[2]} {query.get('series_id', '')}" for path, query in pairs]


@pytest.fixture
async def keeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Keeping]:
    async with misbehaving() as server:
        monkeypatch.setattr(fred_asking, "API", server.url("/fred/"))
        yield Keeping(server, tmp_path)


GDP = ["series GDP", "vintagedates GDP", "observations GDP", "observations GDP"]
DFF = ["series DFF", "observations DFF"]


async def test_the_first_run_asks_for_everything(keeping: Keeping) -> None:
    assert (await keeping.run()).status == "success"
    assert keeping.asked == GDP + DFF
    assert len(keeping.published.values("fred_data")) == 3


async def test_without_updates_a_run_costs_one_request_and_no_record(keeping: Keeping) -> None:
    await keeping.run()
    before = len(keeping.published.values("fred_data"))
    run = await keeping.run()
    assert keeping.asked == ["updates "]
    assert (run.status, len(keeping.published.values("fred_data"))) == ("unchanged", before)


async def test_what_was_updated_is_asked_for_and_nothing_else(keeping: Keeping) -> None:
    await keeping.run()
    keeping.updates, keeping.value = ["GDP", "OTHER"], "2"
    run = await keeping.run()
    assert keeping.asked == ["updates ", "series GDP", "observations GDP", "observations GDP"]
    starts = [query_of(target).get("realtime_start") for target in keeping.server.requests[2:]]
    week_ago = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=7)
    assert starts[0] is not None and abs(dt.date.fromisoformat(starts[0]) - week_ago).days <= 1
    assert starts[1] is None
    assert run.status == "success"
    assert keeping.published.values("fred_data")[-1]["value"] == 2.0


async def test_too_many_updates_and_too_long_a_pause_ask_for_everything(keeping: Keeping) -> None:
    await keeping.run()
    keeping.count = 50_000
    await keeping.run()
    assert keeping.asked[0] == "updates " and {*DFF, "series GDP"} <= set(keeping.asked)
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=15)
    await keeping.states.keep("fred", {COMPLETE: Had(url="", asked_at=long_ago)})
    await keeping.run()
    assert "updates " not in keeping.asked and {*DFF, "series GDP"} <= set(keeping.asked)


async def test_a_series_new_on_the_watchlist_is_asked_for_beside_the_updates(
    keeping: Keeping,
) -> None:
    await keeping.run()
    keeping.settings.watchlist.write_text(WATCHED.replace('"DFF"', '"DFF", "CPI"'))
    await keeping.run()
    assert keeping.asked == ["series CPI", "observations CPI", "updates "]
