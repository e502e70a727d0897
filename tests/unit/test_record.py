"""What is published is read back value for value."""

import datetime as dt
import json
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dataset import Dataset
from shared.decode import decode, rows_to_table
from shared.errors import InvalidRecord
from shared.law import read_row
from shared.record import Message, Record, Rows, decode_time, encode, encode_time
from shared.registry import discover
from tests.strategies import EVERYTHING, examples, tables

DATASETS = [*discover(), EVERYTHING]
FRED = discover()["fred_data"]
FEW = examples(50)
FAR = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
LATEST = FAR.replace(tzinfo=None)


def sent(record: Record, offset: int) -> Message:
    """Return a record as its reader gets it."""
    return Message(record.topic, 0, offset, 0, record.key, record.value, record.headers)


def fred(*values: float | None) -> pa.Table:
    dates = [dt.date(2020, 1, 1)] * len(values)
    arrays = [["GDP"] * len(values), dates, list(values)]
    return pa.Table.from_arrays(list(map(pa.array, arrays)), names=FRED.arrow_schema.names).cast(
        FRED.arrow_schema
    )


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda d: d.name)
@FEW
@given(data=st.data())
def test_rows_come_back_value_for_value(dataset: Dataset, data: st.DataObject) -> None:
    table = data.draw(tables(dataset))
    as_of = data.draw(st.datetimes(max_value=LATEST, timezones=st.just(dt.UTC)))

    records = list(encode(Rows(dataset, table, as_of, "me", "r1"), "econ."))
    decoded = decode(dataset, [sent(r, n) for n, r in enumerate(records)], FAR)

    assert decoded.rejected == []
    expected = repr(table.to_pylist())
    assert repr(decoded.table.select(dataset.arrow_schema.names).to_pylist()) == expected
    by_law = rows_to_table(dataset, [read_row(dataset, record.value) for record in records])
    assert repr(by_law.to_pylist()) == expected
    assert decoded.table["as_of"].to_pylist() == [as_of] * table.num_rows
    for record, row in zip(records, table.to_pylist(), strict=True):
        assert record.topic == f"econ.{dataset.name}"
        assert record.key == row[dataset.entity].encode()
        assert record.value is not None
        assert list(json.loads(record.value)) == dataset.arrow_schema.names


@FEW
@given(table=tables(EVERYTHING, max_size=6), data=st.data())
def test_chunks_and_slices_are_encoded_like_the_whole(table: pa.Table, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, table.num_rows))
    parts = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    whole = list(encode(Rows(EVERYTHING, table), ""))
    assert list(encode(Rows(EVERYTHING, parts), "")) == whole
    assert list(encode(Rows(EVERYTHING, table.slice(cut)), "")) == whole[cut:]


def test_a_record_carries_what_its_rows_say_of_themselves() -> None:
    moment = dt.datetime(2024, 1, 2, 3, 4, 5, 6, dt.timezone(dt.timedelta(hours=2)))
    (record,) = encode(Rows(FRED, fred(1.5), moment, "FRED", "run-1"), "p.")
    assert record == Record(
        "p.fred_data",
        b"GDP",
        b'{"series_id":"GDP","date":"2020-01-01","value":1.5}',
        (
            ("as_of", b"2024-01-02T01:04:05.000006Z"),
            ("source", b"FRED"),
            ("run_id", b"run-1"),
        ),
    )
    (bare,) = encode(Rows(FRED, fred(None)), "")
    assert bare.headers == ()
    (later,) = encode(Rows(replace(FRED, schema_version=2), fred(1.5)), "")
    assert later.headers == (("schema_version", b"2"),)
    assert bare.value == b'{"series_id":"GDP","date":"2020-01-01","value":null}'


@examples(100)
@given(moments=st.lists(st.datetimes(timezones=st.just(dt.UTC)), min_size=1, max_size=5))
def test_each_row_may_have_its_own_as_of(moments: list[dt.datetime]) -> None:
    column = pa.chunked_array([pa.array(moments, pa.timestamp("us", "UTC"))])
    records = encode(Rows(FRED, fred(*[1.0] * len(moments)), column), "")
    assert [decode_time(dict(r.headers)["as_of"].decode()) for r in records] == moments


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_json_figure_cannot_be_published(wrong: float) -> None:
    with pytest.raises(InvalidRecord, match="NaN and Infinity") as caught:
        list(encode(Rows(FRED, fred(1.0, wrong)), ""))
    assert (caught.value.code, caught.value.field) == ("not_finite", "value")


def test_nul_and_null_keys_cannot_be_published() -> None:
    table = fred(1.0)
    nul = table.set_column(0, table.schema.field(0), pa.array(["a\0b"]))
    with pytest.raises(InvalidRecord, match="NUL"):
        list(encode(Rows(FRED, nul), ""))
    null = table.set_column(0, table.schema.field(0), pa.array([None], pa.string()))
    with pytest.raises(InvalidRecord, match="never null") as caught:
        list(encode(Rows(FRED, null), ""))
    assert caught.value.field == "series_id"


@examples(100)
@given(moment=st.datetimes(timezones=st.timezones()))
def test_a_moment_survives_its_text(moment: dt.datetime) -> None:
    try:
        expected = moment.astimezone(dt.UTC)
    except OverflowError:
        return
    text = encode_time(moment)
    assert decode_time(text) == expected
    assert text.endswith("Z")


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        decode_time("2024-01-01T00:00:00")
