"""Reads a file of rows, NDJSON or CSV, as the JSON values that messages carry."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import BinaryIO, Literal

from shared.columns import Kind
from shared.dataset import Column, Dataset
from shared.errors import Fatal, InvalidRecord
from shared.law import MAX_VALUE_BYTES

Form = Literal["ndjson", "csv"]
Line = tuple[int, bytes | InvalidRecord]
"""The number of a line, from 1, and the JSON value that it holds, or why it holds none."""

_BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_NUMERIC = (Kind.FLOAT, Kind.BIGINT, Kind.INTEGER)


def sniff(source: BinaryIO) -> Form:
    """Return what a seekable file holds, as its first character tells; reads nothing away."""
    source.seek(0)
    first = source.read(64).removeprefix(_BOM).lstrip()[:1]
    source.seek(0)
    return "ndjson" if first in (b"{", b"") else "csv"


def read_lines(source: BinaryIO, form: Form, dataset: Dataset) -> Iterator[Line]:
    """Yield each row's line and JSON value, in constant memory; empty lines are passed over.

    What the values hold is not judged here. Raises Fatal where a CSV file's heading names
    no columns of the dataset, or the file cannot be read as text. Blocks.
    """
    return _read_csv(source, dataset) if form == "csv" else _read_ndjson(source)


def _read_ndjson(source: BinaryIO) -> Iterator[Line]:
    number = 0
    while line := source.readline(MAX_VALUE_BYTES + 2):
        number += 1
        if len(line) > MAX_VALUE_BYTES + 1:
            while line and not line.endswith(b"\n"):
                line = source.readline(MAX_VALUE_BYTES)
            yield number, InvalidRecord("too_large", f"longer than {MAX_VALUE_BYTES} bytes")
            continue
        value = line.removeprefix(_BOM) if number == 1 else line
        if value := value.strip():
            yield number, value


def _read_csv(source: BinaryIO, dataset: Dataset) -> Iterator[Line]:
    text = io.TextIOWrapper(source, "utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    try:
        heading = next(reader, [])
        columns = _columns(heading, dataset)
        for cells in reader:
            if cells:
                yield reader.line_num, _object(columns, cells)
    except csv.Error as exc:
        raise Fatal(f"line {reader.line_num}: not CSV ({exc}); the rest was not read") from exc
    except UnicodeDecodeError as exc:
        raise Fatal(f"after line {reader.line_num}: not UTF-8; save the file as UTF-8") from exc
    finally:
        text.detach()


def _columns(heading: list[str], dataset: Dataset) -> list[Column]:
    known = {column.name: column for column in dataset.columns}
    names = [name.strip() for name in heading]
    wrong = [repr(name) for name in names if name not in known]
    wrong += [f"{name!r} twice" for name in known if names.count(name) > 1]
    if wrong or not names:
        raise Fatal(
            f"line 1 must name columns of {dataset.name}, and names {', '.join(wrong) or 'none'}: "
            f"its columns are {', '.join(known)}"
        )
    return [known[name] for name in names]


def _object(columns: list[Column], cells: list[str]) -> bytes | InvalidRecord:
    if len(cells) != len(columns):
        return InvalidRecord("cells", f"{len(cells)} cells, where line 1 has {len(columns)}")
    pairs = zip(columns, cells, strict=True)
    members = [f"{json.dumps(column.name)}:{_json(column, cell)}" for column, cell in pairs]
    return ("{" + ",".join(members) + "}").encode()


def _json(column: Column, cell: str) -> str:
    """Return a cell as JSON; empty is null, and what does not fit is left to the law as text."""
    if cell == "":
        return '""' if column.kind is Kind.TEXT and not column.nullable else "null"
    if column.kind in _NUMERIC and _NUMBER.fullmatch(cell.strip()):
        return cell.strip()
    if column.kind is Kind.BOOLEAN and cell.strip().lower() in ("true", "false"):
        return cell.strip().lower()
    if column.kind is Kind.TEXTS:
        return _list(cell)
    return json.dumps(cell)


def _list(cell: str) -> str:
    try:
        return json.dumps(json.loads(cell))
    except ValueError:
        return json.dumps(cell)
