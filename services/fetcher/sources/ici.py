"""ICI: weekly and monthly flows into mutual funds and ETFs, one workbook a kind of fund."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from typing import ClassVar
from urllib.parse import urlsplit

import pyarrow as pa

from services.fetcher.answer import Answer, Parsed, Request
from services.fetcher.parsing.columns import make_rows, repeated
from services.fetcher.parsing.workbook import first_sheet
from services.fetcher.schedule.cadence import At, Cadence
from services.fetcher.source import Source
from services.fetcher.upstreams.ici.flow_tables import FLOWS, Block, read_blocks
from services.fetcher.watchlist.file import Watchlist
from shared.dataset import Dataset
from shared.datasets.ici_etf_monthly_flows import DATASET as MONTHLY
from shared.datasets.ici_etf_weekly_flows import DATASET as WEEKLY
from shared.record import Rows
from shared.settings import Settings

_PATH = re.compile(r"/(?:.*/)?(combined_|etf_)?flows_data_(20\d\d)(?:_\d+)?\.xls")
_FILES = {"etf": "etf_", "mutual_fund": "", "combined": "combined_"}
_TYPES = {"etf_": "etf", "": "mutual_fund", "combined_": "combined"}
_FIRST_YEAR = 2007
_TURN_OF_YEAR = dt.timedelta(days=60)


class Ici(Source):
    """ICI's flows into US long-term mutual funds, ETFs and both together; no key, .xls.

    Reads `{combined_,etf_,}flows_data_{YYYY}.xls` and copies of them saved as text with tabs.
    The workbook's name says the `fund_type`. A sheet holds the months' actual figures, then the
    weeks since the last of them as estimates; figures are US$ millions. Columns are found by
    their stacked headers; those of finer classes (large cap, high yield …) are passed over.

    Published figures are restated: each answer's rows were known at its Last-Modified, else at
    the time of fetching. A week that is gone, once its month's actual figures are out, is no
    deletion. At the turn of the year, where the new year's workbook is not there yet, that of
    the year before is asked for; which dates are inside is read, not taken from the name.
    """

    name: ClassVar[str] = "ici"
    hosts: ClassVar[tuple[str, ...]] = ("www.ici.org",)
    datasets: ClassVar[tuple[Dataset, ...]] = (WEEKLY, MONTHLY)
    watches: ClassVar[str] = "funds"
    per_second: ClassVar[float] = 0.5
    cadence: ClassVar[Cadence] = At(
        # Published on Wednesdays about noon, after a holiday on Thursdays.
        "America/New_York",
        (dt.time(12, 30), dt.time(17, 30)),
        weekdays=frozenset({2, 3}),
    )

    def matches(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.hostname in self.hosts and _PATH.fullmatch(parts.path) is not None

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        this_year = dt.datetime.now(dt.UTC).year
        first = max(since.year, _FIRST_YEAR) if since else this_year
        return [
            _request(fund, year)
            for fund in watchlist.names(self.name, self.watches)
            for year in range(min(first, this_year), this_year + 1)
        ]

    def parse(self, answer: Answer) -> Parsed:
        match = _PATH.fullmatch(answer.path)
        fund = _TYPES[(match and match[1]) or ""]
        year = int(match[2]) if match else answer.fetched_at.year
        if answer.status == 404 and _may_be_missing(year, answer.fetched_at):
            reason = f"no workbook of {year} yet: that of {year - 1} is asked for"
            return Parsed(warnings=[reason], more=[_request(fund, year - 1)])
        blocks = read_blocks(first_sheet(answer), with_commodity=fund != "mutual_fund")
        monthly = _rows(MONTHLY, "month_ending", fund, blocks.monthly, answer)
        weekly = _rows(WEEKLY, "week_ending", fund, blocks.weekly, answer)
        warnings = [*blocks.warnings, *_other_year(year, blocks.newest)]
        return Parsed([monthly, weekly], warnings=warnings)


def _request(fund: str, year: int) -> Request:
    file = _FILES.get(fund, f"{fund}_")
    return Request(f"https://www.ici.org/{file}flows_data_{year}.xls")


def _may_be_missing(year: int, fetched_at: dt.datetime) -> bool:
    begins = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
    return begins <= fetched_at < begins + _TURN_OF_YEAR


def _other_year(year: int, newest: dt.date | None) -> Iterator[str]:
    """Yield a warning where a year's workbook holds another year, as happens after its end."""
    if newest is not None and newest.year not in (year, year - 1):
        yield f"the workbook of {year} holds figures up to {newest}"


def _rows(dataset: Dataset, time: str, fund: str, block: Block, answer: Answer) -> Rows:
    count = len(block.days)
    columns = {name: pa.array(block.flows[name], pa.float64()) for name in FLOWS}
    columns |= {
        "fund_type": repeated(fund, count, "fund_type"),
        time: pa.array(block.days, pa.date32()),
        "is_estimate": pa.array([dataset is WEEKLY] * count, pa.bool_()),
        "period_days": pa.array(block.lengths, pa.int64()),
    }
    return make_rows(dataset, columns, answer.known_at, Ici.name)


SOURCE = Ici()
