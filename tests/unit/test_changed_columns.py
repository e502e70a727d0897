"""Columns upstream that are new or gone, for every source: warned of and counted, or named."""

from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from services.fetcher.answer import Answer, UnreadableAnswer
from services.fetcher.parsing.columns import NewColumn
from services.fetcher.registry import discover
from services.fetcher.runs.metrics import count_run
from services.fetcher.runs.run import Run
from shared.metrics import FETCHER_NEW_COLUMNS
from tests.fetching import Collected
from tests.unit.answers import FRED, answer, chain, chart, contract, observation, observations
from tests.unit.test_fred_releases import page, series

SOURCES = discover()
NO_ROOM = {"google_news", "yahoo_news"}
"""Feeds may always hold more elements."""
DOC = "https://api.gdeltproject.org/api/v2/doc/doc?query=oil&mode=artlist"
FEEDS = {
    "google_news": "https://news.google.com/rss/search?q=oil",
    "yahoo_news": "https://finance.yahoo.com/news/rssindex",
}
ITEM = "<title>Oil</title><pubDate>Mon, 04 Nov 2024 12:00:00 GMT</pubDate>"
SERIES_TEXTS = ("id", "title", "units", "units_short", "frequency", "seasonal_adjustment")
HEADER = [
    "\t".join(["", "Total", *["Equity"] * 3, "Hybrid", *["Bond"] * 3, "Commodity"]),
    "\t".join(["Date", "", "Total", "Domestic", "World", "", "Total", "Taxable", "Municipal", ""]),
]


@dataclass(frozen=True)
class Changing:
    """An answer whose columns can be changed, and those that it cannot be read without."""

    source: str
    needed: tuple[str, ...]

    def answer(self, without: str = "", new: str = "") -> Answer:
        changed: Answer = globals()[f"_{self.source.partition('/')[0]}"](self, without, new)
        return changed

    def edited(self, fields: dict[str, Any], without: str, new: str) -> dict[str, Any]:
        more = {new: "x"} if new else {}
        return {name: value for name, value in fields.items() if name != without} | more


def _fred(case: Changing, without: str, new: str) -> Answer:
    def edited(fields: dict[str, Any]) -> dict[str, Any]:
        return case.edited(fields, without, new)

    match case.source.partition("/")[2]:
        case "observations":
            start = "&realtime_start=2000-01-01"
            return observations([edited(observation("2024-07-01", "1"))], start)
        case "series":
            found = dict.fromkeys(SERIES_TEXTS, "x") | {"last_updated": "2024-10-30 07:54:01-05"}
            found |= {"realtime_start": "2024-11-03", "realtime_end": "2024-11-03"}
            body = orjson.dumps({"seriess": [edited(found)]})
            return answer(f"{FRED}?series_id=GDP", body)
    return page(edited(series("A", {"2024-07-01": "1"})))


def _yahoo(case: Changing, without: str, new: str) -> Answer:
    good = chart([1_727_098_200], [100.0], quote={new: [1]} if new else None)
    document = orjson.loads(good.body)
    result = document["chart"]["result"][0]
    for place in (result["indicators"]["quote"][0], result["indicators"], result["meta"], result):
        place.pop(without, None)
    return answer(good.url, orjson.dumps(document))


def _cboe(case: Changing, without: str, new: str) -> Answer:
    columns = {"DATE": "07/01/2024", "OPEN": "1", "HIGH": "1", "LOW": "1", "CLOSE": "1"}
    edited = case.edited(columns, without, new)
    lines = ",".join(edited), ",".join(v if v != "x" else "1" for v in edited.values())
    url = "https://cdn.cboe.com/api/global/us_indices/daily_prices/VIX_History.csv"
    return answer(url, "\n".join(lines).encode())


def _cboe_options(case: Changing, without: str, new: str) -> Answer:
    good = chain(case.edited(contract(), without, new))
    document = orjson.loads(good.body)
    document["data"].pop(without, None)
    return answer(good.url, orjson.dumps(document))


def _ici(case: Changing, without: str, new: str) -> Answer:
    stacked = [line.replace(without, "") if without else line for line in HEADER]
    if new:
        stacked = [f"{stacked[0]}\t{new}", f"{stacked[1]}\t"]
    figures = "\t".join("1" * (11 if new else 10))[1:]
    lines = [*stacked, "Monthly fund flows", f"01/31/2024{figures}"]
    lines += ["Estimated weekly fund flows", f"02/07/2024{figures}"]
    return answer("https://www.ici.org/etf_flows_data_2024.xls", "\n".join(lines).encode())


def _gdelt(case: Changing, without: str, new: str) -> Answer:
    fields = {"url": "https://a.example/1", "title": "Oil", "seendate": "20241104T120000Z"}
    fields |= {"domain": "a.example", "language": "English"}
    return answer(DOC, orjson.dumps({"articles": [case.edited(fields, without, new)]}))


def _feed(case: Changing, without: str, new: str) -> Answer:
    item = ITEM.replace(f"{without}>", "other>") if without else ITEM
    body = f'<?xml version="1.0"?><rss version="2.0"><channel><item>{item}</item></channel></rss>'
    return answer(FEEDS[case.source], body.encode())


_google_news = _yahoo_news = _feed


def _fredgraph(case: Changing, without: str, new: str) -> Answer:
    columns = {"observation_date": "2024-07-01", "DFF": "1"}
    edited = case.edited(columns, without, new)
    body = f"{','.join(edited)}\n{','.join(edited.values())}".encode()
    return answer("https://fred.stlouisfed.org/graph/fredgraph.csv?id=DFF", body)


CASES = [
    Changing("fred/observations", ("date", "value", "realtime_start")),
    Changing("fred/series", (*SERIES_TEXTS, "last_updated", "realtime_start")),
    Changing("fred/bulk", ("series_id", "title", "units", "last_updated", "observations")),
    Changing("yahoo", ("open", "volume", "quote", "indicators", "exchangeTimezoneName", "meta")),
    Changing("cboe", ("DATE", "OPEN", "CLOSE")),
    Changing("cboe_options", ("option", "bid", "iv", "delta", "options", "last_trade_time")),
    Changing("ici", ("Hybrid", "Commodity", "Date")),
    Changing("gdelt", ("url", "title", "seendate", "domain", "language")),
    Changing("google_news", ("title", "pubDate")),
    Changing("yahoo_news", ("title", "pubDate")),
    Changing("fredgraph", ("observation_date", "DFF")),
]


def source_of(case: Changing) -> Any:
    return SOURCES.find(case.source.partition("/")[0])


def test_every_source_is_among_the_cases() -> None:
    assert {case.source.partition("/")[0] for case in CASES} == set(SOURCES.names())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.source)
def test_the_answer_itself_is_sound(case: Changing) -> None:
    parsed = source_of(case).parse(case.answer())
    assert parsed.records >= 1
    assert not parsed.warnings


@pytest.mark.parametrize(
    ("case", "column"),
    [(case, column) for case in CASES for column in case.needed],
    ids=lambda value: value if isinstance(value, str) else value.source,
)
def test_a_vanished_column_is_named(case: Changing, column: str) -> None:
    with pytest.raises(UnreadableAnswer, match=rf"(?i){column}"):
        source_of(case).parse(case.answer(without=column))


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.source not in NO_ROOM], ids=lambda case: case.source
)
async def test_a_new_column_is_warned_of_and_counted(case: Changing) -> None:
    source = source_of(case)
    run = Run(source, Collected(), "")
    told = {"source": source.name}
    before = REGISTRY.get_sample_value(FETCHER_NEW_COLUMNS.series, told) or 0.0
    assert await run.take(case.answer(new="SURPRISE")) is not None
    (warning,) = run.summary.warnings
    assert isinstance(warning, NewColumn) and "surprise" in warning.lower()
    summary = await run.finish()
    assert (summary.status, summary.failed) == ("success", False)
    assert summary.message is not None and warning in summary.message
    count_run(summary)
    assert REGISTRY.get_sample_value(FETCHER_NEW_COLUMNS.series, told) == before + 1
