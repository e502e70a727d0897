"""A list read in pieces says what the whole body says, or that it cannot be read."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.fetcher.answer import Answer, UnreadableAnswer, UpstreamError
from services.fetcher.parsing.listing import read_listing, text_columns
from tests.strategies.depth import examples

AT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
TEXTS = st.text('a"\\{}[],: \né€', max_size=12) | st.sampled_from(["},{", '"rows":[', "]}"])
VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
ITEMS = st.dictionaries(TEXTS | st.just("rows"), VALUES, max_size=3)
AROUND = st.dictionaries(TEXTS, VALUES, max_size=3)


def answer(body: bytes, status: int = 200) -> Answer:
    return Answer("https://example.org/list", status, {}, body, AT)


def read(body: bytes, piece_bytes: int, *, nested: bool = False) -> tuple[Any, list[Any]]:
    """Return what a body says beside its list, and the list."""
    listing = read_listing(answer(body), "rows", nested=nested, piece_bytes=piece_bytes)
    items = [item for piece in listing.pieces for item in piece]
    return {k: v for k, v in listing.document.items() if k != "rows"}, items


@examples(300)
@example({}, [{}], {"": [{}, {}]}, 1, False)
@example({}, [{}, 5], {"": [{}, {}], "more": {"rows": [{}, {}]}}, 1, True)
@given(AROUND, st.lists(ITEMS, max_size=12), AROUND, st.integers(1, 60), st.booleans())
def test_pieces_together_are_the_whole(
    before: dict[str, Any], items: list[Any], after: dict[str, Any], size: int, nested: bool
) -> None:
    whole = {**before, "rows": items, **{k: v for k, v in after.items() if k != "rows"}}
    for indent in (None, 1):
        body = json.dumps(whole, indent=indent).encode()
        around, found = read(body, size, nested=nested)
        assert found == items
        assert around == {k: v for k, v in whole.items() if k != "rows"}


@examples(300)
@given(st.lists(ITEMS, min_size=4, max_size=12), st.data())
def test_what_is_cut_short_or_changed_is_read_as_the_whole_would_be(
    items: list[Any], data: st.DataObject
) -> None:
    body = orjson.dumps({"count": len(items), "rows": items, "end": True})
    place = data.draw(st.integers(0, len(body) - 1))
    broken = data.draw(st.sampled_from([body[:place], body[:place] + b"," + body[place + 1 :]]))
    try:
        expected: Any = orjson.loads(broken)
    except orjson.JSONDecodeError:
        expected = None
    if not isinstance(expected, dict):
        with pytest.raises((UnreadableAnswer, UpstreamError)):
            read(broken, 10)
    else:
        found = expected.pop("rows", [])
        assert read(broken, 10) == (expected, found if isinstance(found, list) else [])


def test_only_a_piece_is_turned_into_objects_at_a_time() -> None:
    body = orjson.dumps({"rows": [{"n": str(n)} for n in range(1_000)], "count": 1_000})
    listing = read_listing(answer(body), "rows", piece_bytes=1_000)
    sizes = [len(piece) for piece in listing.pieces]
    assert sum(sizes) == 1_000
    assert max(sizes) < 200
    assert listing.document["count"] == 1_000


def test_lists_within_the_items_do_not_part_them() -> None:
    items = [{"id": str(n), "inner": [{"v": "1"}, {"v": "2"}]} for n in range(50)]
    listing = read_listing(
        answer(orjson.dumps({"rows": items})), "rows", nested=True, piece_bytes=100
    )
    pieces = list(listing.pieces)
    assert [item for piece in pieces for item in piece] == items
    assert len(pieces) > 10


@pytest.mark.parametrize(
    "body",
    [
        b'{"rows": [{"a": "1"}, {"a": "2"}, {"a": "3"}, {"a": "4"}], "rows": [{"a": "5"}]}',
        b'{"deep": {"rows": [{"a": "1"}, {"a": "2"}, {"a": "3"}]}, "rows": [{"a": "5"}]}',
        b'{"rows": [{"a": "5"}], "deep": {"rows": [{"a": "1"}, {"a": "2"}, {"a": "3"}]}}',
        b'{"text": "\\"rows\\":[{},{},{},{},{},{},{},{},{}]", "rows": [{"a": "5"}]}',
    ],
)
def test_only_the_object_s_own_list_counts_and_the_last_of_two(body: bytes) -> None:
    assert read(body, 5)[1] == [{"a": "5"}]


def test_not_a_number_is_read_as_null_wherever_it_stands() -> None:
    rows = ", ".join(f'{{"a": {"NaN" if n == 7 else n}}}' for n in range(10))
    listing = read_listing(answer(f'{{"rows": [{rows}]}}'.encode()), "rows", piece_bytes=20)
    found = [item["a"] for piece in listing.pieces for item in piece]
    assert found == [0, 1, 2, 3, 4, 5, 6, None, 8, 9]
    assert listing.warnings == ["NaN or Infinity in JSON, read as null"]


@pytest.mark.parametrize(
    ("items", "why"),
    [
        ([{"a": "1"}] * 9 + [{}], "the column 'a' of things has vanished"),
        ([{"a": "1"}] * 9 + [{"a": 1}], "'a' holds something that is not text"),
        ([{"a": "1"}] * 9 + ["a"], "things are not JSON objects"),
    ],
)
def test_a_fault_in_any_piece_is_named(items: Sequence[Any], why: str) -> None:
    listing = read_listing(answer(orjson.dumps({"rows": items})), "rows", piece_bytes=10)
    with pytest.raises(UnreadableAnswer, match=why):
        text_columns(listing, ["a"], ["a"], "things")
