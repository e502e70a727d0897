"""Answers of upstreams to records ready for the wire, by the processor time that it takes.

One answer of each upstream's shape is parsed by its source and encoded: values as JSON bytes,
keys and headers, as the producer takes them. Rows a second are those of one core, all threads'
time counted; nothing waits, so a busy machine changes little. Beside it, in turns, a well-known
reader reads the same body and makes nothing of it; `ratio` is its time to ours.
"""

import argparse
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import orjson
import pandas as pd

from benchmarks.rig import answers, machine
from benchmarks.rig.progress import tell
from services.fetcher.answer import Answer
from services.fetcher.publish import pieces
from services.fetcher.registry import SourceRegistry, discover


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--answer-rows", type=int, default=100_000, help="rows in an answer")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is read")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, two rounds")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one result for each upstream. Blocks."""
    if options.quick:
        options.answer_rows, options.rounds = options.answer_rows // 10, 2
    sources = discover()
    for case in _cases(options.answer_rows):
        timings = Timings(case)
        for number in range(options.rounds):
            timings.take_turns(sources, number)
        result = timings.result()
        tell(f"{case.name}: {result['rows_per_second']:,} rows/s a core")
        yield {"benchmark": "parsing", "answer": case.name, **result, "machine": machine.machine()}


@dataclass(frozen=True, slots=True)
class Case:
    """An answer, and who else reads its body."""

    name: str
    url: str
    body: bytes
    yardstick: str
    read: Callable[[bytes], object]


def _cases(rows: int) -> Iterator[Case]:
    url, json = answers.observations_url, ("orjson.loads", orjson.loads)
    vintages = {"realtime_start": "1776-07-04", "realtime_end": "9999-12-31"}
    yield Case("fred", url("DGS10"), answers.observations(rows), *json)
    known = answers.observations(rows, vintages=400)
    yield Case("alfred", url("GDP", **vintages), known, *json)
    yield Case("release", answers.RELEASE_URL, answers.release(rows), *json)
    table = ("pandas.read_csv", _by_pandas)
    yield Case("cboe", answers.HISTORY_URL, answers.history(rows), *table)
    yield Case("yahoo", answers.CHART_URL, answers.chart(rows), *json)


def _by_pandas(body: bytes) -> object:
    return pd.read_csv(io.BytesIO(body))


@dataclass(slots=True)
class Timings:
    """Seconds of processor time of the rounds of one case."""

    case: Case
    rows: int = 0
    parsing: list[float] = field(default_factory=list)
    encoding: list[float] = field(default_factory=list)
    yardstick: list[float] = field(default_factory=list)

    def take_turns(self, sources: SourceRegistry, number: int) -> None:
        """Read the body both ways, who goes first in turns."""
        turns = [lambda: self._ours(sources), self._theirs]
        for turn in turns if number % 2 else reversed(turns):
            turn()

    def result(self) -> dict[str, Any]:
        """Return rates by the median round, and the median ratio to the yardstick."""
        ours = [sum(both) for both in zip(self.parsing, self.encoding, strict=True)]
        ratios = [theirs / mine for theirs, mine in zip(self.yardstick, ours, strict=True)]
        return {
            "rows": self.rows,
            "bytes": len(self.case.body),
            "rows_per_second": self._rate(ours),
            "parse": {"rows_per_second": self._rate(self.parsing)},
            "encode": {"rows_per_second": self._rate(self.encoding)},
            self.case.yardstick: {
                "rows_per_second": self._rate(self.yardstick),
                "ratio": round(median(ratios), 2),
                "ratios": [round(ratio, 2) for ratio in ratios],
            },
        }

    def _rate(self, seconds: list[float]) -> int:
        return round(self.rows / median(seconds))

    def _ours(self, sources: SourceRegistry) -> None:
        case = self.case
        source = sources.for_url(case.url)
        assert source is not None, f"no source reads {case.url}"
        answer = Answer(case.url, 200, {}, case.body, answers.FETCHED_AT)
        began = time.process_time()
        parsed = source.parse(answer)
        read = time.process_time()
        self.rows = sum(len(piece) for rows in parsed.rows for piece in pieces(rows, "econ."))
        self.encoding.append(time.process_time() - read)
        self.parsing.append(read - began)

    def _theirs(self) -> None:
        began = time.process_time()
        self.case.read(self.case.body)
        self.yardstick.append(time.process_time() - began)
