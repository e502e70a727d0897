"""Yahoo: daily bars of shares, funds, indices, currencies and futures."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlencode, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from services.fetcher.answer import (
    CONTINUES,
    Answer,
    Parsed,
    Request,
    UnknownNameError,
    UnreadableAnswer,
    UpstreamError,
    query_of,
)
from services.fetcher.parsing.body import data_of, json_object
from services.fetcher.parsing.columns import make_rows, repeated
from services.fetcher.schedule.cadence import At, Cadence
from services.fetcher.source import Source
from services.fetcher.state.memory import Had
from services.fetcher.upstreams.yahoo.bars import (
    bars_of,
    of_known_moment,
    of_open_session,
    trading_days,
)
from services.fetcher.upstreams.yahoo.events import KINDS, corporate_actions
from services.fetcher.watchlist.file import Watchlist
from shared.dataset import Dataset
from shared.datasets.corporate_actions import DATASET as CORPORATE_ACTIONS
from shared.datasets.yfinance_ohlcv import DATASET as YFINANCE_OHLCV
from shared.record import Rows
from shared.settings import Settings

_CHART = "https://query1.finance.yahoo.com/v8/finance/chart/"
_PATH = re.compile(r"/v8/finance/chart/([^/]+)")
_BEFORE_ALL = -2_208_988_800
"""1900-01-01: earlier than any bar; a later bound would cut histories that begin before 1970."""
_CLOSES = At("America/New_York", (dt.time(4, 30), dt.time(12, 30), dt.time(17)))
"""After those of Asia, Europe and New York."""
_OVERLAP = dt.timedelta(days=14)
_WHOLE_EVERY = dt.timedelta(days=30)
_ADJUSTED = dt.timedelta(days=1)
"""How long after a split or a dividend Yahoo has adjusted the whole history for it."""


class Yahoo(Source):
    """Yahoo's daily bars of shares, funds, indices, currencies and futures; no key, unofficial.

    Reads `v8/finance/chart/{symbol}`. A bar's date is the day of its timestamp in the exchange's
    time zone; the last timestamp is the quote's time instead of the session's open, and where it
    falls on a day that has a bar, the later of the two counts. Prices stay in the currency as
    quoted (`GBp` is pence). Dividends, splits and capital gains become corporate_actions. Yahoo
    names no vintage: all was known at Last-Modified, else at the time of fetching.

    Not published, and counted: bars without a close or a timestamp; bars of other intervals than
    a day (1m, 1wk and so on); the bar of the session still open, unless the watchlist says
    `open_session = true` under [yahoo], and then its is_final is false. A session is over 30
    minutes after its end, or as soon as Yahoo's last quote lies past it. Bars that come without
    adjusted closes are refused, since they would wipe those that are stored; only where nothing
    is ever adjusted for (futures, currencies, indices) do the closes stand for them.

    A history that was had is asked for from two weeks before then on. Where these weeks bring a
    split, a dividend or a capital gain, which change all bars before them, the whole history is
    asked for again, until that was done a day after the event. It is so once a month in any
    case, for bars that Yahoo corrects without a word.
    """

    name: ClassVar[str] = "yahoo"
    hosts: ClassVar[tuple[str, ...]] = ("query1.finance.yahoo.com", "query2.finance.yahoo.com")
    datasets: ClassVar[tuple[Dataset, ...]] = (YFINANCE_OHLCV, CORPORATE_ACTIONS)
    watches: ClassVar[str] = "tickers"
    per_second: ClassVar[float] = 0.5
    cadence: ClassVar[Cadence] = _CLOSES

    def __init__(self, open_session: bool = False) -> None:
        """Publish the open session's bar too if `open_session`."""
        self._open_session = open_session

    def configured(self, watchlist: Watchlist) -> "Yahoo":
        return Yahoo(watchlist.switch(self.name, "open_session"))

    def matches(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.hostname in self.hosts and _PATH.fullmatch(parts.path) is not None

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        begin = (
            dt.datetime.combine(since, dt.time.min, dt.UTC).timestamp() if since else _BEFORE_ALL
        )
        query = {
            "period1": str(int(begin)),
            "period2": "9999999999",
            "interval": "1d",
            "events": "div,splits,capitalGains",
            "includePrePost": "false",
        }
        tickers = watchlist.names(self.name, self.watches)
        return [Request(f"{_CHART}{quote(t, safe='')}?{urlencode(query)}") for t in tickers]

    def narrowed(self, request: Request, had: Had) -> Request:
        if had.whole_at is not None and had.asked_at - had.whole_at >= _WHOLE_EVERY:
            return request
        begin = dt.datetime.combine(had.asked_at - _OVERLAP, dt.time.min, dt.UTC)
        query = query_of(request.url) | {"period1": str(int(begin.timestamp()))}
        base = request.url.partition("?")[0]
        return request.narrowed(f"{base}?{urlencode(query)}#{CONTINUES}")

    def parse(self, answer: Answer) -> Parsed:
        document, warnings = json_object(answer)
        match = _PATH.fullmatch(answer.path)
        asked = unquote(match[1]) if match else "this"
        chart = document.get("chart") or document.get("finance")
        if not isinstance(chart, dict):
            data_of(answer)
            raise UnreadableAnswer("'chart' is missing: Yahoo's answers have changed")
        _refuse_error(chart.get("error"), asked)
        data_of(answer)
        results = chart.get("result")
        if not isinstance(results, list) or not all(isinstance(r, dict) for r in results):
            raise UnreadableAnswer("'result' is missing: Yahoo's answers have changed")
        parsed = [self._result(answer, result, asked) for result in results]
        skipped: dict[str, int] = {}
        for one in parsed:
            skipped |= {reason: skipped.get(reason, 0) + n for reason, n in one.skipped.items()}
        warnings += [warning for one in parsed for warning in one.warnings]
        found = [rows for one in parsed for rows in one.rows]
        return Parsed(found, skipped, warnings, also=list(_histories(answer, results)))

    def _result(self, answer: Answer, result: dict[str, Any], asked: str) -> Parsed:
        meta = result.get("meta")
        if not isinstance(meta, dict):
            raise UnreadableAnswer("'meta' is missing: Yahoo's answers have changed")
        timestamps = result.get("timestamp") or []
        if not isinstance(timestamps, list):
            raise UnreadableAnswer("'timestamp' is no list: Yahoo's answers have changed")
        interval = meta.get("dataGranularity") or answer.query.get("interval", "1d")
        if interval != "1d":
            return _counted({f"not daily ({interval})": len(timestamps)})
        ticker, dated = meta.get("symbol") or asked, partial(trading_days, meta=meta)
        actions = corporate_actions(result, ticker, dated, answer.known_at, self.name)
        if not timestamps:
            return Parsed(actions)
        warnings: list[str] = []
        bars, known = of_known_moment(bars_of(result, timestamps, warnings), timestamps)
        days = trading_days(known, meta)
        is_open = of_open_session(days, meta, answer.fetched_at)
        count = len(days)
        columns = bars | {
            "ticker": repeated(ticker, count, "symbol"),
            "date": days,
            "currency": repeated(meta.get("currency"), count, "currency"),
            "is_final": pc.invert(is_open),
        }
        table = pa.table(columns | {"moment": pa.array(known, pa.int64())})
        kept, skipped = self._publishable(table.sort_by("moment"))
        skipped["no timestamp"] = len(timestamps) - count
        arrays = {name: kept[name].combine_chunks() for name in columns}
        rows = make_rows(YFINANCE_OHLCV, arrays, answer.known_at, self.name)
        return _counted(skipped, [rows, *actions], warnings)

    def _publishable(self, table: pa.Table) -> tuple[pa.Table, dict[str, int]]:
        """Return the bars to publish, one a day, and how many were left out for which reason."""
        complete = table.filter(table["close"].is_valid())
        skipped = {"no close": table.num_rows - complete.num_rows}
        days = pc.cast(complete["date"], pa.int32()).to_numpy()
        single = complete.filter(
            pa.array([*(days[1:] != days[:-1]), *[True][: len(days)]], pa.bool_())
        )
        skipped["second bar of a day"] = complete.num_rows - single.num_rows
        if self._open_session:
            return single, skipped
        final = single.filter(single["is_final"])
        skipped["session still open"] = single.num_rows - final.num_rows
        return final, skipped


def _histories(answer: Answer, results: list[dict[str, Any]]) -> Iterator[Request]:
    """Yield the request for the whole history where the news in it changed the past."""
    if not answer.url.endswith(f"#{CONTINUES}"):
        return
    moments = [
        event["date"]
        for result in results
        for kind in KINDS
        for event in ((result.get("events") or {}).get(kind) or {}).values()
    ]
    if moments:
        event = dt.datetime.fromtimestamp(max(moments), dt.UTC)
        query = answer.query | {"period1": str(_BEFORE_ALL)}
        url = f"{answer.url.partition('?')[0]}?{urlencode(query)}"
        yield Request(url, unless_since=event + _ADJUSTED)


def _counted(
    skipped: dict[str, int], rows: Sequence[Rows] = (), warnings: Sequence[str] = ()
) -> Parsed:
    return Parsed(rows, {reason: count for reason, count in skipped.items() if count}, warnings)


def _refuse_error(error: object, asked: str) -> None:
    if not error:
        return
    if not isinstance(error, dict):
        raise UpstreamError(f"Yahoo answered: {error}")
    if error.get("code") == "Not Found":
        raise UnknownNameError(f"unknown symbol {asked}: Yahoo has nothing of this name")
    raise UpstreamError(f"Yahoo answered {error.get('code')}: {error.get('description')}")


SOURCE = Yahoo()
