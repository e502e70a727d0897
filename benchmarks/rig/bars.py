"""Daily bars as a source would deliver them: the same ones for the pipeline and for the limits."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from shared.columns import UTC_MICROSECONDS
from shared.dataset import Dataset
from shared.record import Record, Rows, encode

DAYS = 2500
PASSES = ("insert", "update", "unchanged")
_FIRST_DAY = dt.date(2015, 1, 1)
_SEEDS = {"insert": 1, "update": 2, "unchanged": 2, "clean": 3, "bad": 4}
_KNOWN = {
    name: dt.datetime(2026, 1, day, 21, tzinfo=dt.UTC) for day, name in enumerate(_SEEDS, start=5)
}
_BAD_EVERY = 100
_LETTERS = {"clean": "C", "bad": "B"}

_FAULTS = (
    (b'"volume":', b'"volume":0.'),
    (b'"open":', b'"opened":'),
    (b'"is_final":true', b'"is_final":null'),
    (b'"close":', b'"close"'),
)
"""What a bad message has instead: no whole number, another field, a forbidden null, no JSON."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a pass: rows of the dataset, ticker after ticker, and when they became known.

    Of a `bad` one, each hundredth message says what the dataset forbids.
    """

    dataset: Dataset
    table: pa.Table
    as_of: dt.datetime
    bad: bool = False

    def records(self, prefix: str) -> Iterator[Record]:
        """Yield the rows as messages."""
        rows = Rows(self.dataset, self.table, self.as_of, source="yahoo", run_id="benchmark")
        for number, record in enumerate(encode(rows, prefix)):
            if self.bad and number % _BAD_EVERY == 0:
                right, wrong = _FAULTS[number // _BAD_EVERY % len(_FAULTS)]
                yield record._replace(value=(record.value or b"").replace(right, wrong))
            else:
                yield record

    def incoming(self) -> pa.Table:
        """Return the rows as they stand in a batch: with as_of, source and their message."""
        rows, table = self.table.num_rows, self.table
        for name, column in (
            ("as_of", pa.repeat(pa.scalar(self.as_of, UTC_MICROSECONDS), rows)),
            ("source", pa.repeat("yahoo", rows)),
            ("kafka_epoch", pa.repeat(pa.scalar(1, pa.int32()), rows)),
            ("kafka_partition", pa.repeat(pa.scalar(0, pa.int32()), rows)),
            ("kafka_offset", pa.array(np.arange(rows), pa.int64())),
        ):
            table = table.append_column(name, column)
        return table


def slices(dataset: Dataset, name: str, rows: int, count: int) -> list[Slice]:
    """Return a pass over `rows` bars in `count` slices of whole rows.

    `insert` brings new keys, `update` other values for all of them, known later, and
    `unchanged` the same values once more, known later still. `clean` and `bad` bring new keys,
    too, of other tickers.
    """
    table = bars(dataset, rows, _SEEDS[name], letter=_LETTERS.get(name, "T"))
    edges = [rows * part // count for part in range(count + 1)]
    return [
        Slice(dataset, table.slice(start, end - start), _KNOWN[name], bad=name == "bad")
        for start, end in pairwise(edges)
    ]


def bars(
    dataset: Dataset,
    rows: int,
    seed: int,
    *,
    first: int = 0,
    letter: str = "T",
    days: int = DAYS,
) -> pa.Table:
    """Return the bars from the `first` on, in order of ticker and day, so many of each ticker."""
    random = np.random.default_rng(seed)
    number = np.arange(first, first + rows)
    begin = np.datetime64(_FIRST_DAY, "D")
    close = np.round(100 * np.exp(np.cumsum(random.normal(0, 0.001, rows))), 4)
    spread = np.round(np.abs(random.normal(0, 1, rows)), 4)
    columns = {
        "ticker": pa.array([f"{letter}{ticker:05d}" for ticker in (number // days).tolist()]),
        "date": pa.array(begin + (number % days)),
        "open": pa.array(np.round(close - spread / 2, 4)),
        "high": pa.array(np.round(close + spread, 4)),
        "low": pa.array(np.round(close - spread, 4)),
        "close": pa.array(close),
        "adj_close": pa.array(np.round(close * 0.97, 6)),
        "volume": pa.array(random.integers(10_000, 90_000_000, rows)),
        "currency": pa.repeat("USD", rows),
        "is_final": pa.repeat(True, rows),
    }
    return pa.Table.from_pydict(columns, schema=dataset.arrow_schema)
