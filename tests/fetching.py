"""A source and a publisher of the tests' own, to see what a run does with answers."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar
from urllib.parse import urlsplit

import orjson
import pyarrow as pa

from services.fetcher.answer import Answer, Parsed, Request, UnreadableAnswer, UpstreamError
from services.fetcher.parsing.body import data_of
from services.fetcher.parsing.columns import make_rows, repeated
from services.fetcher.source import Source
from services.fetcher.state.memory import Had
from services.fetcher.watchlist.file import Watchlist
from shared.dataset import Dataset
from shared.datasets.fred_data import DATASET as FRED_DATA
from shared.errors import ConfigError, Transient
from shared.record import Record
from shared.settings import Settings


class Numbers(Source):
    """Figures of a made-up upstream, one a line; a first line `next PATH` names a further page."""

    name: ClassVar[str] = "numbers"
    hosts: ClassVar[tuple[str, ...]] = ("127.0.0.1",)
    datasets: ClassVar[tuple[Dataset, ...]] = (FRED_DATA,)
    watches: ClassVar[str] = "names"
    per_second: ClassVar[float] = 1_000.0
    every: ClassVar[dt.timedelta] = dt.timedelta(hours=1)

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._address = address

    def matches(self, url: str) -> bool:
        return urlsplit(url).path.startswith("/numbers/")

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        if settings.fred_api_key is None:
            raise ConfigError("numbers need a key: set FRED_API_KEY")
        names = watchlist.names(self.name, self.watches)
        secrets = {"api_key": settings.fred_api_key}
        return [Request(f"http://{self._address}/numbers/{n}", secrets=secrets) for n in names]

    def parse(self, answer: Answer) -> Parsed:
        lines = data_of(answer).decode().split("\n")
        if lines[0] == "sorry":
            raise UpstreamError("the upstream says sorry")
        if lines[0] == "fault":
            raise LookupError("a fault in the source")
        first, _, path = lines[0].partition(" ")
        more = [Request(f"http://{self._address}{path}")] if first == "next" else []
        figures = lines[len(more) :]
        try:
            values = pa.array([float(figure) for figure in figures], pa.float64())
        except ValueError as exc:
            raise UnreadableAnswer(f"not a number: {exc}") from exc
        name = answer.path.rpartition("/")[2]
        columns = {
            "series_id": repeated(name, len(figures), "name"),
            "date": pa.array([dt.date(2024, 1, 1 + day) for day in range(len(figures))]),
            "value": values,
        }
        rows = make_rows(FRED_DATA, columns, answer.known_at, self.name)
        return Parsed(
            [rows], {"blank": 1} if name == "odd" else {}, ["odd"] * (name == "odd"), more
        )


class Collected:
    """Takes records and keeps them in order; is away from the `away_after`th call on."""

    def __init__(self, away_after: int | None = None) -> None:
        self.records: list[Record] = []
        self._calls_left = away_after

    async def publish(self, records: Iterable[Record], /) -> object:
        if self._calls_left is not None:
            self._calls_left -= 1
            if self._calls_left < 0:
                raise Transient("the broker is away")
        self.records.extend(records)
        return None

    def values(self, dataset: str) -> list[dict[str, object]]:
        """Return the rows that were published of a dataset."""
        return [
            orjson.loads(record.value)
            for record in self.records
            if record.topic.endswith(dataset) and record.value is not None
        ]


class Remembered:
    """Remembers what was had of requests, within one test."""

    def __init__(self) -> None:
        self.had: dict[str, dict[str, Had]] = {}

    async def recall(self, source: str) -> dict[str, Had]:
        return dict(self.had.get(source, {}))

    async def keep(self, source: str, changes: Mapping[str, Had | None]) -> None:
        mine = self.had.setdefault(source, {})
        for name, had in changes.items():
            if had is None:
                mine.pop(name, None)
            else:
                mine[name] = had
