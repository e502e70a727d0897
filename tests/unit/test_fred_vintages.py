"""A series' vintages, asked for in parts: together they say what one answer would have said."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.answer import Answer, Request, query_of
from services.fetcher.sources.fred import SOURCE
from services.fetcher.state.memory import Had
from services.fetcher.upstreams.fred import asking as fred_asking
from services.fetcher.upstreams.fred.asking import FIRST_DAY, LAST_DAY, vintages_url
from tests.strategies.depth import examples
from tests.unit.answers import FETCHED_AT, FRED, observation, observations
from tests.unit.answers import answer as made

DATES = f"{FRED}/vintagedates?series_id=GDP&limit=10000&file_type=json"
# For each vintage, which observations it changed, and to what.
HISTORIES = st.lists(
    st.dictionaries(st.integers(1, 6), st.sampled_from(["1", "2", "."]), min_size=1),
    min_size=1,
    max_size=14,
)
History = list[dict[int, str]]


def day(number: int) -> str:
    return (dt.date(2020, 1, 1) + dt.timedelta(days=3 * number)).isoformat()


class Alfred:
    """FRED's memory of one series, which answers as FRED does: periods cut to those asked for."""

    def __init__(self, history: History, page: int = 10_000, rows: int = 100_000) -> None:
        """Answer with at most `page` vintage dates, and with at most `rows` observations."""
        self._history = history
        self._page = page
        self._rows_a_page = rows

    def answer(self, request: Request) -> Answer:
        query = query_of(request.url)
        if "vintagedates" in request.url:
            return self._dates(request, int(query.get("offset", "0")))
        first, last = query["realtime_start"], query["realtime_end"]
        rows, offset = list(self._rows(first, last)), int(query.get("offset", "0"))
        bounds = {"realtime_start": first, "realtime_end": last}
        shown = rows[offset : offset + self._rows_a_page]
        answered = observations(shown, **bounds, count=len(rows), offset=offset)
        return replace(answered, url=request.url)

    def _dates(self, request: Request, offset: int) -> Answer:
        every = [day(number) for number in range(len(self._history))]
        shown = {"vintage_dates": every[offset : offset + self._page], "count": len(every)}
        return made(request.url, orjson.dumps({**shown, "offset": offset, "limit": self._page}))

    def _rows(self, first: str, last: str) -> Iterator[dict[str, str]]:
        for month in range(1, 7):
            known = [(day(n), v[month]) for n, v in enumerate(self._history) if month in v]
            ends = [start for start, _ in known[1:]] + [LAST_DAY] * bool(known)
            for (start, value), end in zip(known, ends, strict=True):
                if start <= last and end > first:
                    yield observation(
                        f"2019-{month:02}-01", value, max(start, first), min(end, last)
                    )


def said(answer: Answer) -> list[tuple[str, str, str]]:
    """Return what is published of an answer: date, value, when it was known."""
    (rows,) = SOURCE.parse(answer).rows
    assert isinstance(rows.as_of, pa.ChunkedArray)
    dates, values = (rows.table[name].to_pylist() for name in ("date", "value"))
    moments = rows.as_of.to_pylist()
    return [(str(d), str(v), str(m)) for d, v, m in zip(dates, values, moments, strict=True)]


def asked_in_parts(alfred: Alfred) -> list[Request]:
    """Return the parts that are asked for, and their further pages; all dates are read."""
    waiting, parts = [Request(DATES)], []
    while waiting:
        request = waiting.pop(0)
        waiting += SOURCE.parse(alfred.answer(request)).more
        if "vintagedates" not in request.url:
            parts.append(request)
    return parts


@pytest.mark.parametrize("page", [2, 5, 10_000])
@examples(50)
@given(history=HISTORIES, size=st.integers(2, 6), rows=st.integers(3, 40))
def test_the_parts_say_together_what_one_answer_says(
    page: int, history: History, size: int, rows: int
) -> None:
    alfred = Alfred(history, page, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fred_asking, "VINTAGES_A_CALL", size)
        parts = asked_in_parts(alfred)
    together = [row for part in parts for row in said(alfred.answer(part))]
    whole = said(Alfred(history).answer(Request(vintages_url("GDP", FIRST_DAY, LAST_DAY))))
    assert sorted(together) == sorted(whole)


def test_no_part_asks_for_more_than_fred_answers() -> None:
    days = [(dt.date(1950, 1, 1) + dt.timedelta(days=n)).isoformat() for n in range(5_700)]
    body = orjson.dumps({"vintage_dates": days, "count": 5_700, "offset": 0})
    periods = [query_of(part.url) for part in SOURCE.parse(made(DATES, body)).more]
    bounds = [(period["realtime_start"], period["realtime_end"]) for period in periods]
    assert [start for start, _ in bounds[1:]] == [end for _, end in bounds[:-1]]
    assert (bounds[0][0], bounds[-1][1]) == (FIRST_DAY, LAST_DAY)
    assert max(sum(a <= d <= b for d in days) for a, b in bounds) < 2_000


@examples(100)
@given(history=HISTORIES, known=st.integers(0, 13))
def test_later_runs_ask_for_newer_vintages_only(history: History, known: int) -> None:
    alfred = Alfred(history)
    asked_at = dt.datetime.fromisoformat(f"{day(known)}T12:00:00+00:00") + dt.timedelta(days=7)
    request = SOURCE.narrowed(Request(DATES), Had(url=DATES, asked_at=asked_at))
    assert request.name == DATES
    whole = said(alfred.answer(Request(vintages_url("GDP", FIRST_DAY, LAST_DAY))))
    newer = [row for row in whole if row[2][:10] > day(known)]
    assert sorted(said(alfred.answer(request))) == sorted(newer)


def test_a_further_page_of_a_part_leaves_out_the_known_too() -> None:
    url = vintages_url("GDP", "2024-01-02", LAST_DAY)
    rows = [observation("2023-10-01", "1", "2024-01-02", LAST_DAY)]
    answered = observations(rows, realtime_start="2024-01-02", count=3)
    parsed = SOURCE.parse(replace(answered, url=url, fetched_at=FETCHED_AT))
    assert parsed.records == 0
    (page,) = parsed.more
    assert page.url.endswith("offset=1#continues")
