"""Reads a body that is CSV with a line of names as columns of text, whole columns at a time."""

import io
from collections.abc import Sequence

import pyarrow as pa
from pyarrow import csv

from services.fetcher.answer import Answer, UnreadableAnswer
from services.fetcher.parsing.body import data_of
from services.fetcher.parsing.columns import new_columns


def read_csv(answer: Answer, names: Sequence[str]) -> tuple[dict[str, pa.Array], list[str]]:
    """Return the named columns of a CSV as texts, empty cells null; and a warning for each other.

    Raises UnreadableAnswer that names a column which has vanished, and where the body is no CSV,
    is cut short or has no rows; UpstreamError as `data_of` does.
    """
    body = data_of(answer)
    line, _, lines = body.partition(b"\n")
    header = line.decode(errors="replace").strip()
    found = [name.strip().strip('"') for name in header.split(",")]
    vanished = [name for name in names if found.count(name) != 1]
    if vanished:
        raise UnreadableAnswer(
            f"the column {', '.join(vanished)} has vanished: the header is {header[:200]!r}"
        )
    if not lines:
        raise UnreadableAnswer("there is a header and no row: truncated")
    table = read_texts(lines, found, names, nulls=("",))
    columns = {name: table[name].combine_chunks() for name in names}
    return columns, new_columns(found, names, "the CSV")


def read_texts(
    lines: bytes, header: Sequence[str], names: Sequence[str], nulls: Sequence[str]
) -> pa.Table:
    """Return the named columns of the lines below a header as texts, those in `nulls` null.

    Raises UnreadableAnswer where a line has more or fewer cells than the header.
    """
    try:
        return csv.read_csv(
            io.BytesIO(lines),
            read_options=csv.ReadOptions(column_names=list(header)),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                include_columns=list(names),
                null_values=list(nulls),
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as exc:
        raise UnreadableAnswer(f"truncated or malformed CSV: {exc}") from exc
