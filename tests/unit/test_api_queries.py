"""SQL of reads: no value ever reaches its text, whatever is asked."""

import datetime as dt
import re
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api import parameters
from services.api.cursor import write_cursor
from services.api.formats import FORMATS
from services.api.problems import Problem
from services.api.queries import Query, select_entities, select_rows
from services.api.reading import Read, read_request
from services.api.view import latest_of, rows_of
from shared.columns import Kind
from shared.dataset import Dataset
from shared.registry import discover
from tests.strategies import EVERYTHING

DATASETS = [*discover(), EVERYTHING]
BACKENDS = ["duckdb", "postgresql"]
_NASTY = st.sampled_from(
    [
        "'; DROP TABLE fred_data; --",
        '"; DROP TABLE fred_data; --',
        "$1",
        "' OR '1'='1",
        "1) UNION SELECT * FROM api_keys --",
        "value, (SELECT key FROM api_keys)",
        "as_of DESC; --",
        "/*",
        "\\",
    ]
)
TEXTS = _NASTY | st.text(max_size=30)
# Words, quoted names, $n, numbers of our own; nothing else may stand in a statement.
_TOKEN = re.compile(
    r'\s+|[A-Z]+|[ceornuv]\b|known\b|as_of|"[a-z_0-9]+"|::text\b|\$\d+|>=|<=|@>|[(),.*<>=1]'
)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_text_of_a_request_reaches_the_statement(backend: str, data: st.DataObject) -> None:
    dataset = data.draw(st.sampled_from(DATASETS))
    names = st.sampled_from([*dataset.selectable, *COMMON]) | TEXTS
    items = data.draw(st.lists(st.tuples(names, VALUES | TEXTS), max_size=6))
    view = data.draw(st.sampled_from([rows_of, latest_of]))(dataset)
    with suppress(Problem):
        read = read_request(view, items, "")
        _assert_sound(dataset, select_rows(read, backend))
        _assert_sound(dataset, select_entities(read, backend, 10))


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_every_kind_of_read_is_a_sound_statement(backend: str, data: st.DataObject) -> None:
    """Choices that go together, where texts of any kind seldom hit on them."""
    dataset = data.draw(st.sampled_from(DATASETS))
    view = data.draw(st.sampled_from([rows_of, latest_of]))(dataset)
    chosen = data.draw(st.sets(st.sampled_from(sorted(KINDS))))
    items = [(n, data.draw(st.sampled_from(KINDS[n]))) for n in sorted(chosen & {*view.choices})]
    items += [(n, "A") for n in dataset.key if dataset.column(n).kind is Kind.TEXT]
    with suppress(Problem):
        read = read_request(view, items, "")
        _assert_sound(dataset, select_rows(read, backend))
        after = tuple(None for _ in read.key)
        _assert_sound(dataset, select_rows(replace(read, after=after), backend))


KINDS = {
    "as_of": ["2020-01-01"],
    "as_of_mode": ["strict", "assumed"],
    "release": ["first", "latest"],
    "revisions": ["true", "false"],
    "wide": ["true", "false"],
}


@pytest.mark.parametrize("backend", BACKENDS)
@settings(deadline=None)
@given(text=TEXTS.filter(lambda text: "\0" not in text and text != ""), as_of=st.booleans())
def test_values_are_parameters(backend: str, text: str, as_of: bool) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    items = [("series_id", quoted), *([("as_of", "2020-01-01")] if as_of else [])]
    try:
        read = read_request(rows_of(discover()["fred_data"]), items, "")
    except Problem:
        assert "\n" in text or "\r" in text
        return
    query = select_rows(read, backend)
    assert [text] in query.parameters
    _assert_plain(read.dataset, query.sql)


def test_every_placeholder_has_its_value() -> None:
    dataset = EVERYTHING
    plain = read_request(rows_of(dataset), [], "")
    key = ("K", dt.date(2020, 1, 1), 5)
    items = [
        ("cursor", write_cursor(_asked(dataset, []).identity, key)),
        ("limit", "7"),
        ("fields", "title,as_of"),
    ]
    read = read_request(rows_of(dataset), items, "")
    for backend in BACKENDS:
        query = select_rows(read, backend)
        _assert_sound(dataset, query)
        assert query.parameters == (*key, 8)
        assert [c.name for c in query.columns] == ["title", "as_of", "code", "day", "number"]
    assert plain.after is None


def _asked(dataset: Dataset, items: list[tuple[str, str]]) -> Read:
    return read_request(rows_of(dataset), items, "")


def _assert_sound(dataset: Dataset, query: Query) -> None:
    _assert_plain(dataset, query.sql)
    used = {int(number) for number in re.findall(r"\$(\d+)", query.sql)}
    assert used == set(range(1, len(query.parameters) + 1))


def _assert_plain(dataset: Dataset, sql: str) -> None:
    names = {column.name for column in dataset.stored} | {dataset.name, dataset.revisions}
    names |= {"known_from", "known_until"}
    rest = _TOKEN.sub("", sql)
    assert rest == "", f"{rest!r} in {sql}"
    assert set(re.findall(r'"([^"]*)"', sql)) <= names


COMMON = [parameter.name for parameter in parameters.COMMON]
_COLUMNS = sorted({column.name for dataset in DATASETS for column in dataset.stored})
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.dates().map(str),
    st.datetimes(timezones=st.just(dt.UTC)).map(lambda m: m.isoformat()),
    st.sampled_from(["asc", "desc", *FORMATS, "true", *_COLUMNS]),
    st.lists(st.sampled_from(_COLUMNS), max_size=4).map(",".join),
    st.integers(-5, 200_000).map(str),
)
