"""FRED kept fresh over several runs against a real server: updates decide what is asked."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import orjson
import pytest
from pydantic import SecretStr

from services.fetcher.answer import query_of
from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.registry import SourceRegistry
from services.fetcher.runs.run import RunSummary
from services.fetcher.sources.fred import Fred
from services.fetcher.state.memory import COMPLETE, Had
from services.fetcher.upstreams.fred import asking as fred_asking
from shared.settings import Settings
from tests.fetching import Collected, Remembered
from tests.integration.misbehaving import ByHead, Reply, Server, misbehaving, response
from tests.unit.answers import observation, observations
from tests.unit.test_fred_releases import series

CHICAGO = ZoneInfo("America/Chicago")

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


class Here(Fred):
    """FRED as it answers on this machine."""

    hosts: ClassVar[tuple[str, ...]] = ("127.0.0.1",)


class Keeping:
    """Runs of FRED, one after the other, that share a memory."""

    def __init__(self, server: Server, folder: Path) -> None:
        (folder / "watchlist.toml").write_text(WATCHED)
        self.settings = Settings(
            watchlist=folder / "watchlist.toml", fred_api_key=SecretStr("k" * 32)
        )
        self.server, self.states, self.published = server, Remembered(), Collected()
        self.value, self.updates, self.count = "1", list[str](), 0
        self.released, self.missing = "2024-10-30 07:54:01-05", set[str]()
        server.replies = {
            f"/fred/series{route}": [ByHead(self.reply)]
            for route in ("", "/release", "/observations", "/vintagedates", "/updates")
        }
        for route in ("release/series", "releases/dates", "v2/release/observations"):
            server.replies[f"/fred/{route}"] = [ByHead(self.reply)]

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
        body = self.body(target.partition("?")[0].partition("/fred/")[2], query_of(target))
        status = 400 if "error_code" in body else 200
        writer.write(response(orjson.dumps(body), status))  # type: ignore[attr-defined]

    def body(self, route: str, query: dict[str, str]) -> dict[str, Any]:
        if query.get("series_id") in self.missing:
            return {"error_code": 400, "error_message": "Bad Request.  The series does not exist."}
        match route:
            case "series/updates":
                begin, limit = int(query.get("offset", "0")), int(query["limit"])
                found = [{"id": name} for name in self.updates[begin : begin + limit]]
                count = self.count or len(self.updates)
                return {"seriess": found, "count": count, "offset": begin}
            case "series/vintagedates":
                return {"vintage_dates": ["2024-10-30"], "count": 1, "offset": 0}
            case "series/release":
                return {"releases": [{"id": 53, "name": "Gross Domestic Product"}]}
            case "series":
                return {"seriess": [{"id": query["series_id"], **DESCRIBED}]}
            case "releases/dates":
                today = dt.datetime.now(CHICAGO).date().isoformat()
                named = [{"release_id": 21, "date": today}]
                return {"release_dates": named, "count": 1, "offset": 0}
            case "release/series":
                return {"seriess": [{"last_updated": self.released}]}
            case "v2/release/observations":
                return self.whole(query.get("next_cursor"))
        start = "2024-10-30" if "realtime_start" in query else "2024-11-03"
        answered = observations([observation("2024-07-01", self.value, start)])
        found_: dict[str, Any] = orjson.loads(answered.body)
        return found_

    def whole(self, cursor: str | None) -> dict[str, Any]:
        """Return one of two pages of a release."""
        name, more = ("B", {}) if cursor else ("A", {"next_cursor": "B,2024-01-01"})
        updated = dt.datetime.fromisoformat(self.released).isoformat()
        page = series(name, {"2024-07-01": self.value}, last_updated=updated)
        return {"has_more": not cursor, "series": [page], "release": {}} | more

    @property
    def asked(self) -> list[str]:
        """The routes and series of the last run, in order."""
        pairs = [(target.partition("?")[0], query_of(target)) for target in self.server.requests]
        return [
            f"{path.partition('/fred/')[2].removeprefix('series/')} "
            f"{query.get('series_id', query.get('release_id', ''))}"
            for path, query in pairs
        ]


@pytest.fixture
async def keeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Keeping]:
    async with misbehaving() as server:
        monkeypatch.setattr(fred_asking, "API", server.url("/fred/"))
        yield Keeping(server, tmp_path)


GDP = ["release GDP", "series GDP", "vintagedates GDP", "observations GDP", "observations GDP"]
DFF = ["release DFF", "series DFF", "observations DFF"]
CALENDAR = ["releases/dates "]


async def test_the_first_run_asks_for_everything(keeping: Keeping) -> None:
    assert (await keeping.run()).status == "success"
    assert keeping.asked == GDP + DFF + CALENDAR
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
    assert keeping.asked[0] == "updates " and {*DFF[1:], "series GDP"} <= set(keeping.asked)
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=15)
    await keeping.states.keep("fred", {COMPLETE: Had(url="", asked_at=long_ago)})
    await keeping.run()
    assert "updates " not in keeping.asked and {*DFF[1:], "series GDP"} <= set(keeping.asked)


async def test_updates_are_read_to_their_last_page(keeping: Keeping) -> None:
    await keeping.run()
    keeping.updates = [*(f"X{n}" for n in range(2_400)), "DFF"]
    await keeping.run()
    assert keeping.asked == ["updates "] * 3 + DFF[1:]


async def test_updates_are_asked_for_since_the_last_run_that_had_everything(
    keeping: Keeping,
) -> None:
    await keeping.run()
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(hours=30)
    await keeping.states.keep("fred", {COMPLETE: Had(url="", asked_at=long_ago)})
    keeping.updates, since = ["GDP"], []
    good = keeping.server.replies["/fred/series/observations"]
    bad: list[Reply] = [response(b"no", 500)]
    for replies in (bad, good, good):
        keeping.server.replies["/fred/series/observations"] = replies
        await keeping.run()
        since.append(query_of(keeping.server.requests[0])["start_time"])
    assert since[0] == since[1] < since[2]


async def test_a_series_new_on_the_watchlist_is_asked_for_beside_the_updates(
    keeping: Keeping,
) -> None:
    await keeping.run()
    keeping.settings.watchlist.write_text(WATCHED.replace('"DFF"', '"DFF", "CPI"'))
    await keeping.run()
    assert keeping.asked == ["release CPI", "series CPI", "observations CPI", "updates "]


async def test_a_series_that_does_not_exist_is_named_once_and_the_others_go_on(
    keeping: Keeping,
) -> None:
    keeping.missing = {"DFF"}
    run = await keeping.run()
    assert run.status == "partial"
    assert [reason.partition(":")[0] for reason in run.unknown] == ["series DFF does not exist"]
    assert {row["series_id"] for row in keeping.published.values("fred_data")} == {"GDP"}
    (logged,) = keeping.published.values("data_refresh_log")
    assert "series DFF does not exist" in str(logged["error_message"])
    await keeping.run()
    assert keeping.asked == ["release DFF", "observations DFF", "updates "]


async def test_descriptions_name_their_release_also_when_they_are_replayed(
    keeping: Keeping, tmp_path: Path
) -> None:
    keeping.settings = keeping.settings.model_copy(update={"fetch_archive_dir": tmp_path / "kept"})
    await keeping.run()
    described = keeping.published.values("fred_series")
    assert {row["release"] for row in described} == {"Gross Domestic Product"}
    again = Collected()
    replaying = Fetcher(keeping.settings, again, registry=SourceRegistry([Here()]))
    await replaying.replay(tmp_path / "kept")
    assert again.values("fred_series") == described
    keeping.updates = ["GDP"]
    await keeping.run()
    assert keeping.asked[:2] == ["updates ", "series GDP"], "its release is known"
    assert keeping.published.values("fred_series")[2:] == described[:1]


async def test_a_key_that_fred_refuses_is_told_after_one_request(keeping: Keeping) -> None:
    body = b'{"error_code":400,"error_message":"Bad Request. api_key is not registered."}'
    keeping.server.replies["/fred/series/release"] = [response(body, 400)]
    run = await keeping.run()
    assert keeping.asked == ["release GDP"]
    assert run.status == "failed"
    assert "set FRED_API_KEY" in run.upstream_errors[0]
    assert run.failures == ["api.stlouisfed.org: refused: 5 requests were not sent"]


class TestReleases:
    """A release watched as a whole."""

    @pytest.fixture(autouse=True)
    def watched(self, keeping: Keeping) -> None:
        keeping.settings.watchlist.write_text("[fred]\nreleases = [21]\n")

    async def test_it_is_read_to_its_last_page_with_the_key_in_a_header(
        self, keeping: Keeping
    ) -> None:
        run = await keeping.run()
        assert keeping.asked == ["v2/release/observations 21"] * 2 + CALENDAR
        bulk, calendar = keeping.server.heads[-2:]
        assert f"authorization: bearer {'k' * 32}" in bulk and "api_key" not in bulk
        assert "authorization" not in calendar and "api_key" in calendar
        assert (run.status, run.by_dataset) == ("success", {"fred_data": 2, "fred_series": 2})

    async def test_it_is_asked_for_again_only_when_it_was_updated(self, keeping: Keeping) -> None:
        await keeping.run()
        run = await keeping.run()
        assert keeping.asked == ["release/series 21"]
        assert run.status == "unchanged"
        soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
        keeping.released, keeping.value = soon.strftime("%Y-%m-%d %H:%M:%S+00"), "2"
        await keeping.run()
        assert keeping.asked == ["release/series 21"] + ["v2/release/observations 21"] * 2
        assert [row["value"] for row in keeping.published.values("fred_data")[-2:]] == [2.0, 2.0]
