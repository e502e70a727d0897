"""Bodies taken apart and unpacked, and rows judged, without a broker."""

import datetime as dt
import gzip
import json
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.ingest import values
from services.api.ingest.body import Room, Unpacking
from services.api.ingest.judge import LARGEST_RECORD, Lot, judge, judge_slices
from services.api.ingest.values import split_rows
from services.api.problems import Problem
from shared.law import read_row
from shared.registry import discover
from tests.strategies import examples

FRED = Lot(discover()["fred_data"], "econ.", "tests", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
BLANKS = st.text(" \t\n\r", max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=5,
)


@examples(60)
@given(
    st.lists(st.tuples(BLANKS, JSON, BLANKS), max_size=12),
    BLANKS,
    BLANKS,
    st.booleans(),
    st.integers(1, 9),
)
def test_an_array_comes_apart_into_its_elements_wherever_it_is_cut(
    items: list[tuple[str, object, str]], before: str, after: str, ascii_only: bool, more: int
) -> None:
    texts = [json.dumps(value, ensure_ascii=ascii_only) for _, value, _ in items]
    spaced = (f"{a}{text}{b}" for text, (a, _, b) in zip(texts, items, strict=True))
    body = f"{before}[{','.join(spaced)}]{after}".encode(errors="surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        return
    # No window is too short for an element, and most end in the middle of one.
    window = max((len(text.encode()) for text in texts), default=0) + more
    with mock.patch.object(values, "_WINDOW_BYTES", window):
        found = [json.loads(each) for each in split_rows(body, "application/json")]
    assert found == [value for _, value, _ in items]


def test_a_number_that_a_window_cuts_is_read_whole() -> None:
    for number in (b"1.5", b"-0.25", b"1e5", b"12E+7", b"3e-10", b"1234567"):
        body = b"[" + b",".join([number] * 40) + b"]"
        for window in range(len(number) + 1, 3 * len(number) + 4):
            with mock.patch.object(values, "_WINDOW_BYTES", window):
                assert list(split_rows(body, "")) == [number] * 40, (number, window)


def test_an_element_longer_than_any_row_is_not_read() -> None:
    long = (b"[" + b"12," * 1_000_000 + b"1]", b'"' + b"a" * 3_000_000 + b'"', b"9" * 3_000_000)
    for inside in long:
        with pytest.raises(Problem, match="bytes of it"):
            split_rows(b"[1," + inside + b"]", "application/json")


@examples(60)
@given(
    st.lists(
        st.dictionaries(st.text(max_size=4), JSON, min_size=1, max_size=2), min_size=2, max_size=4
    )
)
def test_lines_come_apart_as_the_array_does(rows: list[dict[str, object]]) -> None:
    lines = "\r\n".join(json.dumps(row) for row in rows).encode()
    assert [json.loads(each) for each in split_rows(lines, "")] == rows
    (one,) = split_rows(json.dumps(rows[0], indent=1).encode(), "application/json")
    assert json.loads(one) == rows[0]


def test_an_array_broken_behind_its_first_rows_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_FEW", 3)
    assert len(list(split_rows(b"[1,2,3,4,5]", ""))) == 5
    with pytest.raises(Problem, match="taken apart"):
        split_rows(b"[1,2,3,4,", "")
    monkeypatch.setattr(values, "MAX_ROWS", 4)
    for body in (b"[1,2,3,4,5]", b"1\n2\n3\n4\n5\n6"):
        with pytest.raises(Problem) as caught:
            split_rows(body, "")
        assert caught.value.status == 413


@examples(60)
@given(st.lists(st.binary(max_size=200), max_size=4), st.integers(1, 50))
def test_gzip_unpacks_in_whatever_parts_it_comes(members: list[bytes], size: int) -> None:
    packed = b"".join(map(gzip.compress, members))
    whole = b"".join(members)
    unpacking = Unpacking(len(whole))
    parts = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert b"".join(map(unpacking.add, parts)) == whole
    unpacking.end()
    if whole:
        with pytest.raises(Problem) as caught:
            Unpacking(len(whole) - 1).add(packed)
        assert caught.value.status == 413


def test_the_room_is_given_back() -> None:
    room = Room(10)
    for _ in range(3):
        with room.taken() as share:
            share.grow(8)
            with room.taken() as other, pytest.raises(Problem, match="memory"):
                other.grow(3)


@examples(60)
@given(st.lists(st.sampled_from(["good", "date", "extra", "garbage"]), max_size=30))
def test_each_row_is_judged_by_itself_and_named_by_its_place(kinds: list[str]) -> None:
    row = {"series_id": "A", "date": "2026-01-01", "value": 1.5}
    made = {
        "good": row, "date": row | {"date": "2026-02-30"}, "extra": row | {"more": 1},
    }  # fmt: skip
    lines = [json.dumps(made[k]).encode() if k in made else b"{" for k in kinds]
    verdicts = list(judge_slices(FRED, iter(lines)))
    rejected = [each["index"] for verdict in verdicts for each in verdict.rejected]
    assert rejected == [n for n, kind in enumerate(kinds) if kind != "good"]
    records = [record for verdict in verdicts for record in verdict.records]
    assert len(records) == kinds.count("good")
    for record in records:
        assert read_row(FRED.dataset, record.value).model_dump(mode="json") == row


def test_a_row_that_no_broker_takes_is_refused_by_its_place() -> None:
    lot = Lot(discover()["news_articles"], "econ.", "tests", None)
    article: dict[str, object] = {
        "article_id": "a", "publisher": "p", "title": "t", "summary": "", "url": "https://x.example",
        "published_at": "2026-01-01T00:00:00Z", "language": "en", "tickers": [], "story_id": None,
    }  # fmt: skip
    large = article | {"summary": "x" * LARGEST_RECORD}
    lines = [json.dumps(each).encode() for each in (article, large, {}, article)]
    verdict = judge(lot, lines, first=100)
    assert [each["index"] for each in verdict.rejected] == [101, 102]
    assert len(verdict.records) == 2
