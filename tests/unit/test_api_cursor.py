"""Cursors: what is written reads back, for the same query only, and nothing else does."""

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.api.cursor import read_cursor, write_cursor
from tests.strategies import EVERYTHING
from tests.strategies.rows import values

COLUMNS = [c for c in EVERYTHING.columns if not c.nullable and c.kind.label != "texts"]
KEYS = st.tuples(*(values(column) for column in COLUMNS))


@settings(deadline=None)
@given(key=KEYS, query=st.text())
def test_a_key_reads_back(key: tuple[Any, ...], query: str) -> None:
    assert read_cursor(query, COLUMNS, write_cursor(query, key)) == key


@settings(deadline=None)
@given(key=KEYS, query=st.text(), other=st.text())
def test_a_cursor_belongs_to_its_query(key: tuple[Any, ...], query: str, other: str) -> None:
    assume(query != other)
    with pytest.raises(ValueError, match="for this query"):
        read_cursor(other, COLUMNS, write_cursor(query, key))


@given(st.text())
def test_made_up_cursors_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        read_cursor("query", COLUMNS, text)


@settings(deadline=None)
@given(key=KEYS, data=st.data())
def test_a_changed_cursor_is_refused(key: tuple[Any, ...], data: st.DataObject) -> None:
    cursor = write_cursor("query", key)
    # Every character but the last, of which only some bits count.
    place = data.draw(st.integers(0, len(cursor) - 2))
    other = data.draw(st.sampled_from("ABCdef012-_").filter(lambda c: c != cursor[place]))
    with pytest.raises(ValueError, match="not a cursor"):
        read_cursor("query", COLUMNS, cursor[:place] + other + cursor[place + 1 :])


def test_a_cursor_fits_a_url_as_it_is() -> None:
    cursor = write_cursor("query", ["^GSPC/é,\n"])
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert cursor.isascii()
