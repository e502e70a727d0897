"""FRED's releases as a whole: values with their moments, pages, errors, and the days to look."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.fetcher.answer import (
    Answer,
    Parsed,
    RefusedError,
    Request,
    UnknownNameError,
    UnreadableAnswer,
    UpstreamError,
    query_of,
)
from services.fetcher.sources.fred import Fred
from services.fetcher.state.memory import Had
from services.fetcher.upstreams.fred.asking import bulk_url, described_url, keyed, url_of
from tests.strategies.depth import examples
from tests.unit.answers import FETCHED_AT, answer

URL = bulk_url("53")
WATCHING = Fred(["GDP"])
VALUES = st.dictionaries(
    st.dates(dt.date(1900, 1, 1), dt.date(2030, 1, 1)), st.sampled_from(["1.5", ".", "-2"])
)


def series(name: str, values: Mapping[str, str], **changed: Any) -> dict[str, Any]:
    return {
        "series_id": name,
        "title": f"Title of {name}",
        "frequency": "Quarterly",
        "units": "Index",
        "seasonal_adjustment": "Not Seasonally Adjusted",
        "last_updated": "2024-10-30T12:54:01Z",
        "copyright_id": "public domain: citation requested",
        "notes": "",
        "observations": [{"date": day, "value": value} for day, value in values.items()],
    } | changed


def page(*found: dict[str, Any], url: str = URL, **document: Any) -> Answer:
    release = {"release_id": 53, "name": "Gross Domestic Product", "url": "x", "sources": []}
    whole = {"has_more": False, "release": release, "series": list(found)} | document
    return answer(url, orjson.dumps(whole))


def rows(parsed: Parsed, number: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parsed.rows[number].table.to_pylist()
    return found


@examples(100)
@given(st.dictionaries(st.sampled_from(["GDP", "GDPC1", "A191RL1"]), VALUES, max_size=3))
def test_every_value_of_every_series_becomes_a_row(
    given_values: dict[str, dict[dt.date, str]],
) -> None:
    found = [
        series(name, {d.isoformat(): v for d, v in values.items()})
        for name, values in given_values.items()
    ]
    parsed = WATCHING.parse(page(*found))
    assert [(r["series_id"], r["date"], r["value"]) for r in rows(parsed)] == [
        (name, day, None if value == "." else float(value))
        for name, values in given_values.items()
        for day, value in values.items()
    ]
    assert [r["series_id"] for r in rows(parsed, 1)] == [n for n in given_values if n != "GDP"]


def test_a_series_was_known_when_it_was_updated_and_never_after_the_fetch() -> None:
    late = series("B", {"2024-07-01": "2"}, last_updated="2030-01-01T00:00:00Z")
    parsed = WATCHING.parse(page(series("A", {"2024-07-01": "1"}), late))
    moments = parsed.rows[0].as_of
    assert moments is not None and not isinstance(moments, dt.datetime)
    updated = dt.datetime(2024, 10, 30, 12, 54, 1, tzinfo=dt.UTC)
    assert moments.to_pylist() == [updated, FETCHED_AT]


def test_a_series_that_is_not_watched_by_itself_is_described() -> None:
    (described,) = rows(WATCHING.parse(page(series("GDP", {}), series("A", {}))), 1)
    assert described["release"] == "Gross Domestic Product"
    assert (described["units"], described["units_short"]) == ("Index", None)


def test_the_next_page_is_asked_for_by_its_cursor_and_with_the_key_in_a_header() -> None:
    parsed = WATCHING.parse(page(series("A", {}), has_more=True, next_cursor="A,1995-01-01"))
    (following,) = parsed.more
    assert query_of(following.url)["next_cursor"] == "A,1995-01-01"
    parent = keyed(Request(url_of("release/series")), SecretStr("k" * 32))
    sent = WATCHING.follow_up(following, parent)
    assert sent.credentials["authorization"].get_secret_value() == f"Bearer {'k' * 32}"
    assert not sent.secrets
    back = WATCHING.follow_up(Request(url_of("series", series_id="A")), sent)
    assert back.secrets["api_key"].get_secret_value() == "k" * 32


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"has_more": True}, "'next_cursor'"),
        ({"has_more": "true", "next_cursor": ""}, "'next_cursor'"),
        ({"series": None}, "'series' is missing"),
        ({"series": [series("A", {}, observations=None)]}, "'observations' is no list"),
        ({"series": [series("A", {}, last_updated="soon")]}, "'last_updated'"),
        ({"series": [{**series("A", {}), "observations": [{"date": "2024-01-01"}]}]}, "'value'"),
    ],
)
def test_what_is_not_of_its_form_is_named(document: dict[str, Any], why: str) -> None:
    with pytest.raises(UnreadableAnswer, match=why):
        WATCHING.parse(page(**document))


def test_a_page_that_leads_to_itself_is_refused() -> None:
    url = f"{URL}&next_cursor=A%2C1995-01-01"
    with pytest.raises(UnreadableAnswer, match="'next_cursor'"):
        WATCHING.parse(page(url=url, has_more=True, next_cursor="A,1995-01-01"))


@pytest.mark.parametrize(
    ("code", "words", "kind", "said"),
    [
        (400, "Bad Request.  The series does not exist.", UnknownNameError, "series X does not"),
        (404, "Not Found", UnknownNameError, "series X does not exist"),
        (400, "The value for variable api_key is not registered.", RefusedError, "FRED_API_KEY"),
        (423, "Locked", UpstreamError, "FRED answered 423: Locked"),
        (429, "Too Many Requests", UpstreamError, "FRED answered 429"),
        (500, "Internal Server Error", UpstreamError, "FRED answered 500"),
    ],
)
def test_freds_errors_say_what_happened_to_what(
    code: int, words: str, kind: type[UpstreamError], said: str
) -> None:
    body = orjson.dumps({"error_code": code, "error_message": words})
    for route in ("series", "series/observations", "series/release", "series/vintagedates"):
        with pytest.raises(kind, match=said) as caught:
            WATCHING.parse(answer(url_of(route, series_id="X"), body, code))
        assert "delisted" not in str(caught.value)


def test_errors_of_the_second_version_of_the_api() -> None:
    nothing = b'{"error_code":400,"error_message":"Bad Request.  The release does not exist."}'
    with pytest.raises(UnknownNameError, match="release 53 does not exist"):
        WATCHING.parse(answer(URL, nothing, 400))
    for status in (401, 403):
        with pytest.raises(RefusedError, match="FRED_API_KEY"):
            WATCHING.parse(answer(URL, b'{"message": "Unauthorized"}', status))
    with pytest.raises(UpstreamError, match="HTTP 503"):
        WATCHING.parse(answer(URL, b"<html>", 503))


def test_the_release_of_a_series_makes_its_description_due_and_is_remembered() -> None:
    release = b'{"releases": [{"id": 53, "name": "Gross Domestic Product: 1/2"}]}'
    first = Request(url_of("series/release", series_id="GDP"))
    (described,) = WATCHING.parse(answer(first.url, release)).more
    assert described.url == described_url("GDP", ("53", "Gross Domestic Product: 1/2"))
    fields = {"title": "x", "units": "x", "units_short": "x", "frequency": "x"} | {
        "id": "GDP", "seasonal_adjustment": "x", "last_updated": "2024-10-30 07:54:01-05",
        "realtime_start": "2024-11-03", "realtime_end": "2024-11-03",
    }  # fmt: skip
    parsed = WATCHING.parse(answer(described.url, orjson.dumps({"seriess": [fields]})))
    assert rows(parsed)[0]["release"] == "Gross Domestic Product: 1/2"
    lately = Had(url="", asked_at=FETCHED_AT, whole_at=FETCHED_AT, facts=dict(parsed.facts))
    assert WATCHING.narrowed(first, lately).url == described.url
    for whole_at in (None, FETCHED_AT - dt.timedelta(days=91)):
        assert WATCHING.narrowed(first, lately.model_copy(update={"whole_at": whole_at})) is first


def test_a_series_without_a_release_is_described_all_the_same() -> None:
    url = url_of("series/release", series_id="GDP")
    (described,) = WATCHING.parse(answer(url, b'{"releases": []}')).more
    assert described.url == url_of("series", series_id="GDP")


def test_the_calendar_is_kept_as_facts_page_by_page() -> None:
    dates = [("2024-11-04", 53), ("2024-11-04", 10), ("2024-11-05", 10)]
    found = [{"release_id": number, "date": day} for day, number in dates]
    url = url_of("releases/dates", limit="3")
    body = {"release_dates": found, "count": 5, "offset": 0}
    parsed = WATCHING.parse(answer(url, orjson.dumps(body)))
    assert parsed.facts == {"2024-11-04+0": "10,53", "2024-11-05+0": "10"}
    assert [query_of(more.url)["offset"] for more in parsed.more] == ["3"]
    assert not WATCHING.parse(answer(url, orjson.dumps(body | {"offset": 2}))).more
