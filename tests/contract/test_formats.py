"""Every format for every dataset: what is written reads back as what it was."""

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.formats import FORMATS, Format, slices
from shared.columns import Kind
from shared.dataset import Column, Dataset
from shared.registry import discover
from tests.strategies import EVERYTHING, tables

DATASETS = {dataset.name: dataset for dataset in [*discover(), EVERYTHING]}
NAMES = sorted(DATASETS)
CSV, NDJSON, JSON = FORMATS["csv"], FORMATS["ndjson"], FORMATS["json"]


def write(chosen: Format, dataset: Dataset, table: pa.Table, cursor: str | None = None) -> bytes:
    """Return a table's rows in a format, batch by batch as an answer is written."""
    encoder = chosen.encoder(dataset.columns)
    parts = [encoder.begin()]
    for batch in table.to_batches():
        parts += [encoder.rows(piece) for piece in slices(batch)]
    return b"".join([*parts, encoder.end(cursor)])


def parse_csv(text: str) -> Iterator[list[str | None]]:
    """Read RFC 4180 with line feeds: None for nothing, "" for two quotes."""
    record: list[str | None] = []
    position = 0
    while position < len(text):
        if text[position] == '"':
            end = position + 1
            while text[end] != '"' or text[end + 1] == '"':
                end += 2 if text[end] == '"' else 1
            record.append(text[position + 1 : end].replace('""', '"'))
            position = end + 1
        else:
            end = min(text.index(mark, position) for mark in ",\n" if mark in text[position:])
            field = text[position:end]
            assert '"' not in field
            assert "\r" not in field
            record.append(field or None)
            position = end
        if text[position] == "\n":
            yield record
            record = []
        position += 1
    assert not record


def value_of(column: Column, text: str | None) -> Any:
    """Return the value that a field of CSV spells; strict, so that one spelling is canonical."""
    if text is None:
        return None
    match column.kind:
        case Kind.BIGINT:
            return int(text)
        case Kind.FLOAT:
            return float(text)
        case Kind.BOOLEAN:
            return {"true": True, "false": False}[text]
        case Kind.DATE:
            return dt.date.fromisoformat(text)
        case Kind.TIMESTAMP:
            return dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=dt.UTC)
        case Kind.TEXTS:
            return json.loads(text)
        case _:
            return text


def json_value_of(column: Column, value: Any) -> Any:
    """Return the value that JSON gives for a column."""
    match column.kind:
        case Kind.FLOAT:
            return None if value is None else float(value)
        case Kind.DATE | Kind.TIMESTAMP:
            return value_of(column, value)
        case _:
            return value


def plain(dataset: Dataset, table: pa.Table) -> list[str]:
    """Return rows as texts that compare exactly: -0.0 is not 0.0."""
    return [
        repr([_in_utc(row[column.name]) for column in dataset.columns]) for row in table.to_pylist()
    ]


def _in_utc(value: Any) -> Any:
    return value.astimezone(dt.UTC) if isinstance(value, dt.datetime) else value


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_csv_reads_back(name: str, data: st.DataObject) -> None:
    dataset = DATASETS[name]
    table = data.draw(tables(dataset))
    header, *lines = parse_csv(write(CSV, dataset, table).decode())
    assert header == [column.name for column in dataset.columns]
    read = [
        repr([value_of(c, text) for c, text in zip(dataset.columns, line, strict=True)])
        for line in lines
    ]
    assert read == plain(dataset, table)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_ndjson_reads_back(name: str, data: st.DataObject) -> None:
    dataset = DATASETS[name]
    table = data.draw(tables(dataset))
    lines = write(NDJSON, dataset, table).decode().split("\n")
    assert lines.pop() == ""
    documents = [json.loads(line, parse_int=float_if_float) for line in lines]
    assert all(list(d) == [c.name for c in dataset.columns] for d in documents)
    read = [repr([json_value_of(c, d[c.name]) for c in dataset.columns]) for d in documents]
    assert read == plain(dataset, table)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(data=st.data(), cursor=st.none() | st.text())
def test_a_json_page_holds_the_lines_of_ndjson(
    name: str, data: st.DataObject, cursor: str | None
) -> None:
    dataset = DATASETS[name]
    table = data.draw(tables(dataset))
    page = json.loads(write(JSON, dataset, table, cursor))
    assert list(page) == ["data", "next_cursor"]
    lines = write(NDJSON, dataset, table).decode().split("\n")[:-1]
    assert page["data"] == [json.loads(line) for line in lines]
    assert page["next_cursor"] == cursor


def read_arrow(body: bytes) -> pa.Table:
    return pa.ipc.open_stream(body).read_all()


def read_parquet(body: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(body))


BINARY = {"arrow": read_arrow, "parquet": read_parquet}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("chosen", BINARY)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_binary_formats_hold_types_and_values(chosen: str, name: str, data: st.DataObject) -> None:
    dataset = DATASETS[name]
    table = data.draw(tables(dataset))
    found = BINARY[chosen](write(FORMATS[chosen], dataset, table))
    assert [(f.name, f.nullable) for f in found.schema] == [
        (c.name, c.nullable) for c in dataset.columns
    ]
    # Parquet calls the members of a list by another name.
    assert plain(dataset, found.cast(dataset.arrow_schema)) == plain(dataset, table)


@pytest.mark.parametrize("chosen", BINARY)
def test_binary_formats_keep_figures_apart_from_null(chosen: str) -> None:
    column = Column("figure", Kind.FLOAT, "")
    figures = pa.array([float("nan"), None, float("inf"), -0.0])
    encoder = FORMATS[chosen].encoder([column])
    parts = [encoder.begin(), encoder.rows(pa.RecordBatch.from_arrays([figures], ["figure"]))]
    found = BINARY[chosen](b"".join([*parts, encoder.end(None)]))
    assert repr(found["figure"].to_pylist()) == "[nan, None, inf, -0.0]"


def test_parquet_holds_a_row_group_and_no_more() -> None:
    """Row groups leave as they fill, whatever the sizes of batches."""
    dataset = DATASETS["fred_data"]
    columns = [["GDP"] * 10_000, [dt.date(2000, 1, 1)] * 10_000, [0.5] * 10_000]
    batch = pa.table(columns, schema=dataset.arrow_schema).to_batches()[0]
    encoder = FORMATS["parquet"].encoder(dataset.columns)
    parts = [encoder.begin(), *(encoder.rows(batch) for _ in range(20)), encoder.end(None)]
    assert [bool(part) for part in parts[1:-1]] == ([False] * 6 + [True]) * 2 + [False] * 6
    groups = pq.ParquetFile(io.BytesIO(b"".join(parts))).metadata
    assert (groups.num_rows, groups.num_row_groups) == (200_000, 3)


def float_if_float(text: str) -> int | float:
    """Keep the sign of "-0", which json reads as the integer 0."""
    return -0.0 if text == "-0" else int(text)


@pytest.mark.parametrize("chosen", [CSV, NDJSON, JSON], ids=["csv", "ndjson", "json"])
def test_batches_leave_no_seam(chosen: Format) -> None:
    dataset = DATASETS["fred_data"]
    count = 40_000
    columns = [["GDP"] * count, [dt.date(2000, 1, 1)] * count, [0.5] * count]
    table = pa.table(columns, schema=dataset.arrow_schema)
    pieces = pa.Table.from_batches(table.to_batches(max_chunksize=7_000))
    assert write(chosen, dataset, pieces) == write(chosen, dataset, table)


def test_no_rows_still_have_a_header_line_and_a_page() -> None:
    dataset = DATASETS["fred_data"]
    empty = dataset.arrow_schema.empty_table()
    assert write(CSV, dataset, empty) == b"series_id,date,value\n"
    assert write(NDJSON, dataset, empty) == b""
    assert write(JSON, dataset, empty) == b'{"data":[],"next_cursor":null}'
    for name, read in BINARY.items():
        found = read(write(FORMATS[name], dataset, empty))
        assert (found.num_rows, found.schema) == (0, dataset.arrow_schema)


def test_a_line_is_spelled_in_the_canonical_way() -> None:
    moment = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    columns = (
        Column("text", Kind.TEXT, ""),
        Column("moment", Kind.TIMESTAMP, ""),
        Column("figure", Kind.FLOAT, ""),
        Column("whole", Kind.FLOAT, ""),
        Column("flag", Kind.BOOLEAN, ""),
        Column("names", Kind.TEXTS, ""),
        Column("empty", Kind.TEXT, ""),
        Column("none", Kind.TEXT, ""),
    )
    values = ["plain; text", moment, 0.1 + 0.2, 100.0, True, ["a", 'b"c'], "", None]
    batch = pa.RecordBatch.from_arrays(
        [pa.array([v], c.kind.arrow) for c, v in zip(columns, values, strict=True)],
        [c.name for c in columns],
    )
    line = CSV.encoder(columns).rows(batch).decode()
    assert line == (
        "plain; text,2024-01-02T02:04:05.000000Z,0.30000000000000004,100,true,"
        '"[""a"",""b\\""c""]","",\n'
    )
    assert NDJSON.encoder(columns).rows(batch).decode() == (
        '{"text":"plain; text","moment":"2024-01-02T02:04:05.000000Z",'
        '"figure":0.30000000000000004,"whole":100,"flag":true,"names":["a","b\\"c"],'
        '"empty":"","none":null}\n'
    )


def test_figures_that_json_cannot_hold_are_null() -> None:
    column = Column("figure", Kind.FLOAT, "")
    batch = pa.RecordBatch.from_arrays([pa.array([float("nan"), float("inf"), 1.5])], ["figure"])
    assert NDJSON.encoder([column]).rows(batch) == (
        b'{"figure":null}\n{"figure":null}\n{"figure":1.5}\n'
    )


@pytest.mark.parametrize("kind", [Kind.FLOAT, Kind.TEXT])
def test_readers_lose_no_row_of_a_single_column(kind: Kind) -> None:
    column = Column("value", kind, "")
    values = [None, "1", None] if kind is Kind.TEXT else [None, 1.0, None]
    batch = pa.RecordBatch.from_arrays([pa.array(values, kind.arrow)], ["value"])
    encoder = CSV.encoder([column])
    text = (encoder.begin() + encoder.rows(batch)).decode()
    assert len(pd.read_csv(io.StringIO(text))) == 3
    assert len([row for row in csv.reader(io.StringIO(text)) if row]) == 4
