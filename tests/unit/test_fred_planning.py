"""What of FRED is asked for in a run, and when the next run is: by its updates and its calendar."""

import datetime as dt
from collections.abc import Mapping

from pydantic import SecretStr

from services.fetcher.answer import Request, query_of
from services.fetcher.sources.fred import Fred
from services.fetcher.state.memory import COMPLETE, Had, Memory
from services.fetcher.upstreams.fred.asking import BULK, bulk_url, keyed, url_of
from services.fetcher.upstreams.fred.planning import CALENDAR

NOON = dt.datetime(2024, 11, 4, 18, tzinfo=dt.UTC)
"""In Chicago."""
KEY = SecretStr("k" * 32)
GDP = Request(url_of("series/observations", series_id="GDP"))
WHOLE = Request(bulk_url("53"))
EVERYTHING = [keyed(GDP, KEY), keyed(WHOLE, KEY)]
HOUR = dt.timedelta(hours=1)


def had(ago: dt.timedelta, **facts: str) -> Had:
    return Had(url="", asked_at=NOON - ago, whole_at=NOON - ago, facts=facts)


def memory(calendar: str = "", changed: Mapping[str, Had] | None = None) -> Memory:
    """Return the memory of a source that had everything an hour ago, with some changes."""
    named = had(HOUR, **{"2024-11-04+0": calendar})
    found = {COMPLETE: had(HOUR), GDP.name: had(HOUR), WHOLE.name: had(HOUR), CALENDAR: named}
    return Memory({**found, "release 53": had(HOUR)} | dict(changed or {}), NOON)


def asked(memory: Memory) -> list[str]:
    plan = Fred().plan(EVERYTHING, memory)
    routes = [request.url.partition("?")[0].partition("/fred/")[2] for request in plan]
    for request in plan:
        held = [*request.secrets.values(), *request.credentials.values()]
        assert held == [SecretStr(f"{'Bearer ' * (BULK in request.url)}{KEY.get_secret_value()}")]
    return routes


def test_an_ordinary_run_costs_one_request() -> None:
    assert asked(memory()) == ["series/updates"]


def test_a_release_is_looked_at_on_its_day_and_once_a_day() -> None:
    assert asked(memory("10,53")) == ["series/updates", "release/series"]
    assert asked(memory("10,530")) == ["series/updates"]
    long_ago = {"release 53": had(24 * HOUR)}
    assert asked(memory(changed=long_ago)) == ["series/updates", "release/series"]


def test_what_is_new_or_was_had_long_ago_is_asked_for_as_a_whole() -> None:
    assert asked(Memory({}, NOON)) == ["series/observations", "v2/release/observations", CALENDAR]
    month = {WHOLE.name: had(720 * HOUR)}
    assert asked(memory(changed=month)) == ["v2/release/observations", "series/updates"]
    pause = {COMPLETE: had(14 * 24 * HOUR)}
    assert asked(memory(changed=pause)) == ["series/observations", "v2/release/observations"]


def test_the_calendar_of_the_coming_week_is_asked_for_once_a_day() -> None:
    old = {CALENDAR: had(21 * HOUR)}
    assert asked(memory(changed=old)) == ["series/updates", CALENDAR]
    (request,) = [r for r in Fred().plan(EVERYTHING, memory(changed=old)) if r.name == CALENDAR]
    query = query_of(request.url)
    assert (query["realtime_start"], query["realtime_end"]) == ("2024-11-04", "2024-11-11")


def test_nothing_watched_asks_nothing() -> None:
    assert Fred().plan([], Memory({}, NOON)) == []


def test_it_looks_oftener_while_something_watched_is_to_be_released() -> None:
    often = dt.timedelta(minutes=10)
    fred = Fred()
    assert fred.due_after(NOON, memory("53")) - NOON == often
    of_series = {GDP.name: had(HOUR, release_id="22")}
    assert fred.due_after(NOON, memory("22", of_series)) - NOON == often
    for calm in (None, memory(), memory("10"), Memory({}, NOON)):
        assert fred.due_after(NOON, calm) - NOON == HOUR
    night = dt.datetime(2024, 11, 5, 3, tzinfo=dt.UTC)
    assert fred.due_after(night, memory("53")) - night == HOUR
