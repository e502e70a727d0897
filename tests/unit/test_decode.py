"""Reading a batch by whole columns gives exactly what the law gives message by message."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Annotated

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from pydantic import Field, field_validator

from shared import decode as decode_module
from shared.dataset import Code, Dataset, Row
from shared.decode import BATCH_FIELDS, decode, rows_to_table
from shared.errors import InvalidRecord
from shared.judge import plain_lines
from shared.law import read_row
from shared.record import Message
from shared.registry import discover
from shared.texts import Texts
from tests.strategies import (
    EVERYTHING,
    ODD_TOKENS,
    ODD_VALUES,
    as_message,
    examples,
    good_values,
    odd_values,
)
from tests.strategies.messages import written

NOW = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
BAR = (
    b'{"ticker":"T%d","date":"2020-01-%02d","open":100.25,"high":101.5,"low":99,"close":100.1,'
    b'"adj_close":null,"volume":1000,"currency":"USD","is_final":true}'
)
BARS = discover()["yfinance_ohlcv"]
GOOD_BARS = [BAR % (n, n % 28 + 1) for n in range(1_000)]
GOOD = (
    b'{"code":"A","day":"2024-01-01","number":%d,"title":"a","figure":1.5,"moment":"2024-01-01T00:00:00Z",'
    b'"flag":true,"names":["a"],"label":"a","note":"a","ratio":1,"count":1,"until":"2024-01-01",'
    b'"seen":"2024-01-01T00:00:00.5+02:00","sure":false,"tags":["a","b"],"unit":"m","kind":"k",'
    b'"is_final":true,"weight":2.0}'
)


def by_law(dataset: Dataset, values: Sequence[bytes | None]) -> tuple[list[str], list[str]]:
    """Read each value by the law alone: rows and refusals, as texts that tell 0.0 from -0.0."""
    rows, refusals = [], []
    for offset, value in enumerate(values):
        try:
            table = rows_to_table(dataset, [read_row(dataset, value)])
            rows.append(f"{offset}: {table.to_pylist()[0]!r}")
        except InvalidRecord as error:
            refusals.append(f"{offset}: {error.code} {error.field} {error.reason}")
    return rows, refusals


def by_batch(dataset: Dataset, values: Sequence[bytes | None]) -> tuple[list[str], list[str]]:
    """Read the values as one batch, in the form of `by_law`."""
    messages = [as_message(value, offset) for offset, value in enumerate(values)]
    decoded = decode(dataset, messages, NOW)
    assert decoded.table.select(dataset.arrow_schema.names).schema == dataset.arrow_schema
    decoded.table.validate(full=True)
    rows = []
    for row in decoded.table.to_pylist():
        carried = {field.name: row.pop(field.name) for field in BATCH_FIELDS}
        rows.append(f"{carried['kafka_offset']}: {row!r}")
    refusals = [
        f"{r.message.offset}: {r.error.code} {r.error.field} {r.error.reason}"
        for r in decoded.rejected
    ]
    return rows, refusals


def law_is_asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes | None]:
    """Return a list that fills with the values for which the law is asked."""
    asked: list[bytes | None] = []

    def read(dataset: Dataset, value: bytes | None) -> Row:
        asked.append(value)
        return read_row(dataset, value)

    monkeypatch.setattr(decode_module, "read_row", read)
    return asked


def check_a_batch_reads_as_the_law_does(dataset: Dataset, data: st.DataObject) -> None:
    tame = data.draw(st.booleans())
    good, odd = good_values(dataset, tame=tame), odd_values(dataset, tame=tame)
    kinds = data.draw(st.sampled_from([good, good | odd]))
    values = data.draw(st.lists(kinds, min_size=1, max_size=6))

    rows, refusals = by_law(dataset, values)
    event(f"plain: {plain_lines(Texts.of(values)) is not None}; refused: {bool(refusals)}")

    assert by_batch(dataset, values) == (rows, refusals)


@pytest.mark.parametrize("dataset", discover(), ids=lambda d: d.name)
@examples(40)
@given(data=st.data())
def test_a_batch_reads_as_the_law_does(dataset: Dataset, data: st.DataObject) -> None:
    check_a_batch_reads_as_the_law_does(dataset, data)


@examples(300)
@given(data=st.data())
def test_a_batch_of_everything_reads_as_the_law_does(data: st.DataObject) -> None:
    check_a_batch_reads_as_the_law_does(EVERYTHING, data)


@examples(100)
@given(data=st.data())
def test_a_large_batch_reads_as_the_law_does(data: st.DataObject) -> None:
    tame = data.draw(st.booleans())
    kinds = odd_values(BARS, tame=tame) | good_values(BARS, tame=tame)
    odd = data.draw(st.lists(kinds, min_size=1, max_size=8))
    places = data.draw(st.lists(st.integers(0, 150), min_size=len(odd), max_size=len(odd)))
    values: list[bytes | None] = list(GOOD_BARS[:150])
    for place, value in zip(places, odd, strict=True):
        values.insert(place, value)

    assert by_batch(BARS, values) == by_law(BARS, values)


@pytest.mark.parametrize("place", [0, 500, 1_000])
@pytest.mark.parametrize("oddity", ODD_VALUES)
def test_an_odd_value_leaves_its_neighbours_alone(oddity: str, place: int) -> None:
    odd = ODD_VALUES[oddity](GOOD_BARS[0])
    values = [*GOOD_BARS[:place], odd, *GOOD_BARS[place:]]
    messages = [as_message(value, offset) for offset, value in enumerate(values)]

    decoded = decode(BARS, messages, NOW)

    rows, refusals = by_law(BARS, [odd])
    assert decoded.table.num_rows == 1_000 + len(rows)
    assert [r.message for r in decoded.rejected] == [messages[place]] * len(refusals)
    assert decoded.table["kafka_offset"].to_pylist() == [
        offset for offset in range(1_001) if offset != place or rows
    ]


@pytest.mark.parametrize("name", EVERYTHING.arrow_schema.names)
def test_each_odd_token_in_each_field_reads_as_by_the_law(name: str) -> None:
    fields = json.loads(GOOD % 1, object_pairs_hook=list)
    odd = [
        written([(n.encode(), token if n == name else json.dumps(v).encode()) for n, v in fields])
        for token in ODD_TOKENS
    ]
    alone = [by_law(EVERYTHING, [value]) for value in odd]

    for value, expected in zip(odd, alone, strict=True):
        assert by_batch(EVERYTHING, [value]) == expected, value[:1_000]
    assert by_batch(EVERYTHING, odd) == by_law(EVERYTHING, odd)


def test_plain_messages_never_need_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = law_is_asked(monkeypatch)
    assert decode(BARS, [as_message(value) for value in GOOD_BARS], NOW).table.num_rows == 1_000
    assert asked == []


@pytest.mark.parametrize(
    "wrong", [b"x", b'{"volume":1.5}', BAR % (1, 30) + b" ", BAR % (1, 32), None]
)
def test_only_what_stands_out_goes_to_the_law(
    monkeypatch: pytest.MonkeyPatch, wrong: bytes | None
) -> None:
    asked = law_is_asked(monkeypatch)
    values = [wrong if place % 100 == 50 else value for place, value in enumerate(GOOD_BARS)]
    decode(BARS, [as_message(value) for value in values], NOW)
    assert asked == [wrong] * 10


def test_a_field_given_twice_sends_few_neighbours_to_the_law(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = law_is_asked(monkeypatch)
    twice = (BAR % (1, 1)).replace(b'"is_final":true', b'"close":1.0')
    decoded = decode(BARS, [as_message(value) for value in [*GOOD_BARS, twice]], NOW)
    assert [refused.error.code for refused in decoded.rejected] == ["duplicate_key"]
    assert len(asked) < 200


def test_null_and_left_out_differ_where_null_is_not_the_default() -> None:
    given = GOOD % 1
    null = given.replace(b'"kind":"k"', b'"kind":null')
    values = [given, null, given.replace(b'"kind":"k",', b"")]
    messages = [as_message(value) for value in values]
    assert decode(EVERYTHING, messages, NOW).table["kind"].to_pylist() == ["k", None, "usual"]


@pytest.mark.parametrize("colon", [b":", b" :", b": "])
def test_a_field_is_left_out_only_where_it_does_not_stand(colon: bytes) -> None:
    full = GOOD_BARS[0].replace(b"null", b"1.0").replace(b":", colon)
    without_high = full.replace(b'"high"' + colon + b"101.5,", b"")
    final = b'"is_final"' + colon
    values = [
        full.replace(b"101.5", b"null"),
        without_high.replace(b"USD", b"high"),
        full.replace(final + b"true", final + b"null"),
        full.replace(b"," + final + b"true", b"").replace(b"USD", b"is_final"),
        without_high,
    ]
    rows, refusals = by_batch(BARS, values)
    assert (rows, refusals) == by_law(BARS, values)
    assert [row.split(":")[0] for row in rows] == ["0", "3"]


def test_what_was_split_over_two_messages_is_refused_twice() -> None:
    first, second = GOOD_BARS[0][:40], GOOD_BARS[0][40:]
    values = [*GOOD_BARS[:3], first, second, *GOOD_BARS[3:6]]
    rows, refusals = by_batch(BARS, values)
    assert [row.split(":")[0] for row in rows] == ["0", "1", "2", "5", "6", "7"]
    assert [refusal.split(":")[0] for refusal in refusals] == ["3", "4"]


@pytest.mark.parametrize("between", [b"", b" ", b","])
def test_two_objects_in_one_value_do_not_stand_in_for_an_empty_one(between: bytes) -> None:
    two = GOOD_BARS[0] + between + GOOD_BARS[1]
    for values in ([two, b""], [b"", two], [GOOD_BARS[2], two, b"", GOOD_BARS[3]], [two, None]):
        rows, refusals = by_batch(BARS, values)
        assert (rows, refusals) == by_law(BARS, values)
        assert len(refusals) == 2


def test_errors_of_headers_and_values_come_in_order_of_arrival() -> None:
    late = (("as_of", b"2099-01-01T00:00:00Z"),)
    messages = [
        as_message(None, 0),
        as_message(GOOD_BARS[0], 1, late),
        as_message(GOOD_BARS[1], 2),
        as_message(b"x", 3, (("as_of", b"2020-01-01T00:00:00Z"),)),
    ]
    decoded = decode(BARS, messages, NOW)
    assert [(r.message.offset, r.error.code) for r in decoded.rejected] == [
        (0, "tombstone"),
        (1, "as_of_ahead"),
        (3, "not_json"),
    ]
    assert decoded.rejected[1].as_of is None
    assert decoded.rejected[2].as_of == dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    assert decoded.table["kafka_offset"].to_pylist() == [2]


def test_rows_carry_where_they_came_from() -> None:
    headers = (("as_of", b"2020-02-03T04:05:06.7+02:00"), ("source", b"y\xff\x00z"))
    messages = [
        Message("t", 3, 7, 1_600_000_000_123, b"K", GOOD_BARS[0], headers),
        Message("t", 4, 8, 1_600_000_000_123, None, GOOD_BARS[1], (("source", b""),)),
    ]
    table = decode(BARS, messages, NOW).table.select([field.name for field in BATCH_FIELDS])
    assert [table.schema.field(i).equals(field) for i, field in enumerate(BATCH_FIELDS)] == [
        True
    ] * 4
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (dt.datetime(2020, 2, 3, 2, 5, 6, 700_000, dt.UTC), "y\ufffdz", 3, 7),
        (dt.datetime(2020, 9, 13, 12, 26, 40, 123_000, dt.UTC), None, 4, 8),
    ]


def test_no_messages_are_an_empty_table() -> None:
    decoded = decode(BARS, [], NOW)
    assert decoded.table.num_rows == 0
    assert decoded.table.schema.names == [*BARS.arrow_schema.names, *[f.name for f in BATCH_FIELDS]]


class Bounded(Row):
    """A row with rules that only its model can apply."""

    code: Annotated[Code, Field(description="a code")]
    share: Annotated[float, Field(ge=0, le=1)]
    even: Annotated[int, Field(multiple_of=2)] = 2
    word: Annotated[str, Field(pattern="^a")] = "a"

    @field_validator("code")
    @classmethod
    def _no_x(cls, code: str) -> str:
        if "x" in code:
            raise ValueError("x is not allowed")
        return code


def test_rules_of_the_model_hold_for_batches_too() -> None:
    dataset = Dataset(name="bounded", row=Bounded, key=("code",), cadence="daily")
    values = [
        b'{"code":"a","share":0.5}',
        b'{"code":"a","share":1.5}',
        b'{"code":"x","share":0.5}',
        b'{"code":"a","share":0.5,"even":3}',
        b'{"code":"a","share":0.5,"even":4,"word":"b"}',
    ] * 100
    rows, refusals = by_batch(dataset, values)
    assert (rows, refusals) == by_law(dataset, values)
    assert (len(rows), len(refusals)) == (100, 400)
