"""FRED's search for series by the words of their titles, notes and tags."""

from typing import Any, ClassVar

from services.fetcher.answer import Answer, Request, UnreadableAnswer
from services.fetcher.parsing.body import json_object
from services.fetcher.search import Found
from services.fetcher.upstreams.fred.api import refuse_error, secrets_of
from services.fetcher.upstreams.fred.asking import url_of
from shared.settings import Settings

_FIELDS = {
    "series": "id",
    "title": "title",
    "units": "units_short",
    "frequency": "frequency_short",
    "adjustment": "seasonal_adjustment_short",
    "first": "observation_start",
    "last": "observation_end",
    "popularity": "popularity",
}
"""What is told of a series, and what FRED calls it."""


class FredSearch:
    """`fred/series/search`, in FRED's own order: what fits best comes first."""

    columns: ClassVar[tuple[str, ...]] = tuple(_FIELDS)
    most: ClassVar[int] = 1_000

    def request(self, text: str, limit: int, settings: Settings) -> Request:
        url = url_of("series/search", search_text=text, limit=str(limit))
        return Request(url, secrets=secrets_of(settings))

    def read(self, answer: Answer) -> Found:
        document, _ = json_object(answer)
        refuse_error(answer, document)
        found, count = document.get("seriess"), document.get("count")
        if not isinstance(found, list) or not isinstance(count, int):
            raise UnreadableAnswer("'seriess' is missing: FRED's answers have changed")
        return Found([_row(series) for series in found], count)


def _row(series: Any) -> list[Any]:
    if not isinstance(series, dict) or not isinstance(series.get("id"), str):
        raise UnreadableAnswer("a series without an id: FRED's answers have changed")
    return [series.get(name) for name in _FIELDS.values()]
