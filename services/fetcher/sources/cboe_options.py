"""CBOE: delayed chains of listed options, one JSON an underlying."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from services.fetcher.answer import Answer, Parsed, Request, UnreadableAnswer
from services.fetcher.parsing.body import data_of, json_object, refuse_unknown
from services.fetcher.parsing.columns import column_of, make_rows, new_columns, repeated, texts
from services.fetcher.schedule.cadence import WORKDAYS, At, Cadence
from services.fetcher.schedule.holidays import us_markets_closed
from services.fetcher.source import Source
from services.fetcher.upstreams.cboe.option_figures import implied_volatility, totals
from services.fetcher.watchlist.file import Watchlist
from shared.dataset import Dataset
from shared.datasets.options_chain import DATASET as OPTIONS_CHAIN
from shared.datasets.options_data import DATASET as OPTIONS_DATA
from shared.settings import Settings

_QUOTES = "https://cdn.cboe.com/api/global/delayed_quotes/options/"
_PATH = re.compile(r"/api/global/delayed_quotes/options/([^/]+)\.json")
_CONTRACT = r"^(?P<root>[A-Z0-9^_.$]{1,6}) *(?P<day>\d{6})(?P<right>[CP])(?P<strike>\d{8})$"
_READ = ("option", "bid", "ask", "iv", "open_interest", "volume", "delta", "last_trade_price")
_PASSED_OVER = (
    *("bid_size", "ask_size", "gamma", "vega", "theta", "rho", "theo", "change", "open", "high"),
    *("low", "tick", "last_trade_time", "percent_change", "prev_day_close"),
)
_NEW_YORK = ZoneInfo("America/New_York")


class CboeOptions(Source):
    """CBOE's option chains, 15 minutes late: every contract, and figures of the whole; no key.

    Reads `delayed_quotes/options/{SYMBOL}.json`; indices are written `_SPX` there and `^SPX`
    here. The chain is dated by the day of the underlying's last trade in New York, since the
    answer's own timestamp lies up to a weekend later. A volatility of 0.0 is unknown, so null;
    so is the last price of a contract never traded. The answer was known at its Last-Modified,
    else at the time of fetching.

    options_data has the sums over all contracts, and the volatility of 30 days at the money by
    the formula of `services.fetcher.upstreams.cboe.option_figures.implied_volatility`.
    """

    name: ClassVar[str] = "cboe_options"
    hosts: ClassVar[tuple[str, ...]] = ("cdn.cboe.com",)
    datasets: ClassVar[tuple[Dataset, ...]] = (OPTIONS_CHAIN, OPTIONS_DATA)
    watches: ClassVar[str] = "underlyings"
    cadence: ClassVar[Cadence] = At(
        # Index options trade until 16:15, and quotes are 15 minutes late.
        "America/New_York",
        (dt.time(17),),
        WORKDAYS,
        closed=us_markets_closed,
    )

    def matches(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.hostname in self.hosts and _PATH.fullmatch(parts.path) is not None

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        underlyings = watchlist.names(self.name, self.watches)
        files = (quote(re.sub(r"^\^", "_", name), safe="") for name in underlyings)
        return [Request(f"{_QUOTES}{file}.json") for file in files]

    def parse(self, answer: Answer) -> Parsed:
        match = _PATH.fullmatch(answer.path)
        underlying = re.sub(r"^_", "^", unquote(match[1])) if match else ""
        refuse_unknown(answer, f"a chain of options on {underlying}")
        document, warnings = json_object(answer)
        data_of(answer)
        data = document.get("data")
        contracts = data.get("options") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(contracts, list):
            raise UnreadableAnswer("'options' is missing: CBOE's answers have changed")
        if not contracts:
            return Parsed(warnings=[*warnings, f"CBOE lists no options on {underlying}"])
        date = _trading_day(data)
        columns = _columns(contracts, warnings)
        columns["underlying"] = repeated(underlying, len(contracts), "underlying")
        columns["date"] = pa.array([date] * len(contracts), pa.date32())
        chain = make_rows(OPTIONS_CHAIN, columns, answer.known_at, self.name)
        if pc.count_distinct(chain.table["contract"]).as_py() < len(contracts):
            raise UnreadableAnswer("'options' holds a contract twice")
        whole = {"ticker": underlying, "date": date, **totals(chain.table)}
        whole["implied_volatility"] = _volatility(chain.table, data, date)
        single = {c.name: pa.array([whole[c.name]], c.kind.arrow) for c in OPTIONS_DATA.columns}
        summed = make_rows(OPTIONS_DATA, single, answer.known_at, self.name)
        return Parsed([chain, summed], warnings=warnings)


def _trading_day(data: Mapping[str, Any]) -> dt.date:
    """Return the day of the underlying's last trade; CBOE gives New York's time without a zone."""
    traded = data.get("last_trade_time")
    try:
        moment = dt.datetime.fromisoformat(str(traded))
        return (moment.astimezone(_NEW_YORK) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError) as exc:
        raise UnreadableAnswer(f"'last_trade_time' dates no chain: {traded!r}") from exc


def _columns(contracts: list[Any], warnings: list[str]) -> dict[str, pa.Array]:
    found = {name: column_of(contracts, name, "CBOE's options") for name in _READ}
    warnings += new_columns(contracts[0], (*_READ, *_PASSED_OVER), "CBOE's options")
    names = texts(found["option"], "option")
    parts = pc.extract_regex(names, _CONTRACT)
    if parts.null_count:
        odd = names.filter(parts.is_null())[0].as_py()
        raise UnreadableAnswer(f"'option' is no OCC symbol: {odd!r}")
    last = _figures(found["last_trade_price"], "last_trade_price")
    return {
        "contract": names,
        "expiry": _expiries(pc.struct_field(parts, "day")),
        "strike": pc.divide(_parsed(pc.struct_field(parts, "strike")), 1000.0),
        "right": pc.if_else(pc.equal(pc.struct_field(parts, "right"), "C"), "call", "put"),
        "bid": _figures(found["bid"], "bid"),
        "ask": _figures(found["ask"], "ask"),
        "last": _null_if_zero(last),
        "iv": _null_if_zero(_figures(found["iv"], "iv")),
        "delta": _figures(found["delta"], "delta"),
        "volume": _counts(found["volume"], "volume"),
        "open_interest": _counts(found["open_interest"], "open_interest"),
    }


def _expiries(days: pa.Array) -> pa.Array:
    """Return texts of the form YYMMDD as dates."""
    pieces = [pc.utf8_slice_codeunits(days, start, start + 2) for start in (0, 2, 4)]
    iso = pc.binary_join_element_wise(
        pc.binary_join_element_wise("20", pieces[0], ""), *pieces[1:], "-"
    )
    try:
        return pc.cast(iso, pa.date32())
    except pa.ArrowInvalid as exc:
        raise UnreadableAnswer(f"'option' holds an expiry that is no day: {exc}") from exc


def _parsed(digits: pa.Array) -> pa.Array:
    return pc.cast(digits, pa.float64())


def _figures(values: list[Any], name: str) -> pa.Array:
    """Return figures; what is not finite is null. Raises UnreadableAnswer for anything else."""
    try:
        figures = pa.array(values, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as exc:
        raise UnreadableAnswer(f"{name!r} holds something that is no number: {exc}") from exc
    return pc.if_else(pc.is_finite(figures), figures, pa.scalar(None, pa.float64()))


def _null_if_zero(figures: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(figures, 0.0), pa.scalar(None, pa.float64()), figures)


def _counts(values: list[Any], name: str) -> pa.Array:
    """Return whole numbers, which CBOE writes as 27.0."""
    try:
        return pc.cast(_figures(values, name), pa.int64())
    except pa.ArrowInvalid as exc:
        raise UnreadableAnswer(f"{name!r} holds something that is no count: {exc}") from exc


def _volatility(chain: pa.Table, data: Mapping[str, Any], date: dt.date) -> float | None:
    price = data.get("current_price")
    if isinstance(price, bool) or not isinstance(price, int | float) or not price > 0:
        return None
    return implied_volatility(chain, float(price), date)


SOURCE = CboeOptions()
