"""CBOE: the daily history of its volatility indices, one CSV an index."""

import datetime as dt
import io
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote, unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from services.fetcher.answer import Answer, Parsed, Request, UnreadableAnswer
from services.fetcher.parsing.body import data_of, refuse_unknown
from services.fetcher.parsing.columns import figures, make_rows, new_columns, repeated
from services.fetcher.schedule.cadence import WORKDAYS, At, Cadence
from services.fetcher.schedule.holidays import us_markets_closed
from services.fetcher.source import Source
from services.fetcher.watchlist.file import Watchlist
from shared.dataset import Dataset
from shared.datasets.cboe_vix_history import DATASET as CBOE_VIX_HISTORY
from shared.settings import Settings

_HISTORY = "https://cdn.cboe.com/api/global/us_indices/daily_prices/"
_PATH = re.compile(r"/api/global/us_indices/daily_prices/([^/]+)_History\.csv")
_CANDLE = ("OPEN", "HIGH", "LOW", "CLOSE")
_DAY = r"^\d{1,2}/\d{1,2}/\d{4}$"


class Cboe(Source):
    """CBOE's daily history of VIX, VIX3M, VIX9D, VVIX and its other indices; no key.

    Reads `us_indices/daily_prices/{SYMBOL}_History.csv` in both of its shapes: DATE, OPEN, HIGH,
    LOW, CLOSE, and DATE with the close under the index's own name (the other three are null then).
    Each answer is the whole history, and history is revised: an answer's rows were all known at
    its Last-Modified, else at the time of fetching. Impossible candles are published as they
    are; a row without a close is no value: not published, and counted.
    """

    name: ClassVar[str] = "cboe"
    hosts: ClassVar[tuple[str, ...]] = ("cdn.cboe.com",)
    datasets: ClassVar[tuple[Dataset, ...]] = (CBOE_VIX_HISTORY,)
    watches: ClassVar[str] = "symbols"
    cadence: ClassVar[Cadence] = At(
        # After the close, when the day's files are written, and for what is revised over night.
        "America/Chicago",
        (dt.time(8), dt.time(16), dt.time(19, 30)),
        WORKDAYS,
        closed=us_markets_closed,
    )

    def matches(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.hostname in self.hosts and _PATH.fullmatch(parts.path) is not None

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        symbols = watchlist.names(self.name, self.watches)
        return [Request(f"{_HISTORY}{quote(symbol, safe='')}_History.csv") for symbol in symbols]

    def parse(self, answer: Answer) -> Parsed:
        match = _PATH.fullmatch(answer.path)
        if match is None:
            raise UnreadableAnswer("the URL names no index")
        symbol = unquote(match[1])
        refuse_unknown(answer, f"index {symbol}")
        table = _read(data_of(answer))
        close = _close_column(table.column_names, symbol)
        columns = {
            "symbol": repeated(symbol, table.num_rows, "symbol"),
            "date": _days(table["DATE"]),
            "close": figures(table[close].combine_chunks(), close),
        } | {name.lower(): _optional(table, name) for name in _CANDLE[:3]}
        kept, skipped = _with_close(columns)
        rows = make_rows(CBOE_VIX_HISTORY, kept, answer.known_at, self.name)
        known = ("DATE", close, *_CANDLE)
        warnings = new_columns(table.column_names, known, "CBOE's history")
        return Parsed([rows], skipped=skipped, warnings=warnings)


def _read(body: bytes) -> pa.Table:
    """Return the CSV's columns as texts, empty ones null, names in upper case."""
    line, _, lines = body.partition(b"\n")
    header = line.decode(errors="replace")
    names = [name.strip().strip('"').upper() for name in header.split(",")]
    if names[0] != "DATE" or len(names) < 2 or len(set(names)) < len(names):
        raise UnreadableAnswer(f"the header is not DATE and values, but {header[:200].strip()!r}")
    if not lines:
        raise UnreadableAnswer("there is a header and no history: truncated")
    try:
        return csv.read_csv(
            io.BytesIO(lines),
            read_options=csv.ReadOptions(column_names=names),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as exc:
        raise UnreadableAnswer(f"truncated or malformed CSV: {exc}") from exc


def _close_column(names: Sequence[str], symbol: str) -> str:
    """Return the column of the close: CLOSE of a whole candle, or the index's own name."""
    vanished = [name for name in _CANDLE if name not in names]
    if not vanished:
        return "CLOSE"
    if symbol.upper() in names and len(vanished) == len(_CANDLE):
        return symbol.upper()
    raise UnreadableAnswer(
        f"the header has neither OPEN, HIGH, LOW, CLOSE nor {symbol} alone: it is "
        f"{','.join(names)}, and {', '.join(vanished)} is missing"
    )


def _optional(table: pa.Table, name: str) -> pa.Array:
    if name not in table.column_names:
        return pa.nulls(table.num_rows, pa.float64())
    return figures(table[name].combine_chunks(), name)


def _days(values: pa.ChunkedArray) -> pa.Array:
    """Return texts of the form MM/DD/YYYY as dates; raises UnreadableAnswer for others."""
    texts = pc.utf8_trim_whitespace(values.combine_chunks())
    if not pc.all(pc.match_substring_regex(texts, _DAY), skip_nulls=False, min_count=0).as_py():
        raise UnreadableAnswer("'DATE' holds a text that is not MM/DD/YYYY: changed or truncated")
    try:
        moments = pc.strptime(texts, format="%m/%d/%Y", unit="s")
    except pa.ArrowInvalid as exc:
        raise UnreadableAnswer(f"'DATE' holds a day that does not exist: {exc}") from exc
    if not pc.all(pc.equal(_numbers(texts, 1), pc.month(moments)), min_count=0).as_py():
        raise UnreadableAnswer("'DATE' holds a day that does not exist")
    return pc.cast(moments, pa.date32())


def _numbers(texts: pa.Array, part: int) -> pa.Array:
    pieces = pc.list_element(pc.split_pattern(texts, "/"), part - 1)
    return pc.cast(pieces, pa.int64())


def _with_close(columns: Mapping[str, pa.Array]) -> tuple[dict[str, pa.Array], dict[str, int]]:
    missing = columns["close"].null_count
    if not missing:
        return dict(columns), {}
    keep = columns["close"].is_valid()
    return {name: values.filter(keep) for name, values in columns.items()}, {"no close": missing}


SOURCE = Cboe()
