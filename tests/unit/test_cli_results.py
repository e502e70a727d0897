"""Rows of any query as CSV, JSON, Parquet and lines: nothing lost, nothing cut in silence."""

import csv
import datetime as dt
import decimal
import io
import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.cli.database import results
from services.cli.database.results import FORMATS

ODD = pa.table(
    {
        "name": pa.array(["a,b", "", None, 'say "hi"\n']),
        "n": pa.array([1, -(2**63), None, 2**63 - 1]),
        "sum": pa.array([decimal.Decimal(2**100), decimal.Decimal("1"), None, None]),
        "share": pa.array([1.5, -0.0, None, 1e300]),
        "yes": pa.array([True, False, None, True]),
        "day": pa.array([dt.date(2008, 10, 30), dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]),
        "at": pa.array(
            [dt.datetime(2008, 10, 30, 23, 59, 59, 999999, dt.UTC), None, None, None],
            pa.timestamp("us", "UTC"),
        ),
        "tags": pa.array([["x", "y,z"], [], None, ["ü"]]),
        "inner": pa.array([{"a": [1, 2]}, {"a": None}, None, {"a": []}]),
        "raw": pa.array([b"\x00\xff", b"", None, None]),
        "clock": pa.array([dt.time(12, 30), None, None, None]),
    }
)


def written(form: str, batches: Sequence[pa.RecordBatch]) -> bytes:
    out = io.BytesIO()
    writer = FORMATS[form](out)
    for batch in batches:
        writer.write(batch)
    writer.close()
    return out.getvalue()


@pytest.mark.parametrize("size", [1, 3, 100])
def test_json_holds_every_value_however_the_rows_are_cut(size: int) -> None:
    rows = json.loads(written("json", ODD.to_batches(size)), parse_int=int)
    assert len(rows) == 4
    assert [row["n"] for row in rows] == [1, -(2**63), None, 2**63 - 1]
    assert rows[0]["sum"] == 2**100
    assert rows[0]["at"] == "2008-10-30T23:59:59.999999Z"
    assert rows[0]["tags"] == ["x", "y,z"]
    assert json.loads(rows[0]["inner"]) == {"a": [1, 2]}
    assert rows[0]["raw"] == "00ff"
    assert rows[0]["clock"] == "12:30:00"
    assert rows[2] == dict.fromkeys(ODD.column_names)


def test_csv_tells_null_from_an_empty_text() -> None:
    text = written("csv", ODD.to_batches(2)).decode()
    assert text.splitlines()[0] == ",".join(ODD.column_names)
    assert '\n"",-9223372036854775808,1,-0,false,0001-01-01,' in text
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 5
    assert rows[1][:2] == ["a,b", "1"]
    assert rows[3] == [""] * len(ODD.column_names)


def test_no_rows_still_name_their_columns() -> None:
    empty = [ODD.schema.empty_table().to_batches() or pa.RecordBatch.from_pylist([], ODD.schema)]
    batch = empty[0] if isinstance(empty[0], pa.RecordBatch) else empty[0][0]
    assert written("csv", [batch]).decode().strip() == ",".join(ODD.column_names)
    assert json.loads(written("json", [batch])) == []
    assert pq.read_table(io.BytesIO(written("parquet", [batch]))).schema == ODD.schema


def test_parquet_keeps_the_types() -> None:
    plain = ODD.drop_columns(["clock"])
    assert pq.read_table(io.BytesIO(written("parquet", plain.to_batches(3)))).equals(plain)


def test_lines_into_a_pipe_are_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    many = pa.table({"i": range(results.SHOWN_ROWS * 3)})
    written("table", many.to_batches(700))
    assert capsys.readouterr().out.splitlines() == ["i", *map(str, range(len(many)))]


def test_a_table_on_a_terminal_says_what_it_leaves_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("database.results", "output"):
        monkeypatch.setattr(f"services.cli.{module}.on_terminal", lambda: True)
    written("table", pa.table({"i": range(results.SHOWN_ROWS)}).to_batches(700))
    assert capsys.readouterr().err == ""
    written("table", pa.table({"i": range(results.SHOWN_ROWS + 1)}).to_batches(700))
    assert f"first {results.SHOWN_ROWS:,} rows" in capsys.readouterr().err
