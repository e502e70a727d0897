"""Reads an answer's body as the table of a spreadsheet: .xls, .xlsx, or text with tabs."""

import csv
import datetime as dt
import io
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from services.fetcher.answer import Answer, UnreadableAnswer
from services.fetcher.parsing.body import data_of

Cell = str | float | bool | dt.date | dt.datetime | dt.time | dt.timedelta
Table = list[list[Cell]]

_XLS, _XLSX = b"\xd0\xcf\x11\xe0", b"PK\x03\x04"
_SECTOR = 512
_MAX_CELLS = 5_000_000


def first_sheet(answer: Answer) -> Table:
    """Return the rows of the first sheet that holds any, empty cells as empty texts.

    Raises UpstreamError for an error or a web page, UnreadableAnswer for what is neither a
    workbook nor text with tabs, and for one that is cut short.
    """
    data_of(answer)
    if answer.body.startswith((_XLS, _XLSX)):
        return _of_workbook(answer.body)
    try:
        text = answer.body.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UnreadableAnswer(f"neither a workbook nor text: {exc}") from exc
    if "\t" not in text:
        raise UnreadableAnswer("neither a workbook nor a table with tabs")
    try:
        return [list(row) for row in csv.reader(io.StringIO(text), dialect="excel-tab")]
    except csv.Error as exc:
        raise UnreadableAnswer(f"malformed table: {exc}") from exc


def _of_workbook(body: bytes) -> Table:
    if body.startswith(_XLS) and len(body) % _SECTOR:
        raise UnreadableAnswer("truncated workbook: it ends within a sector")
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(body))
        for name in workbook.sheet_names:
            sheet = workbook.get_sheet_by_name(name)
            if sheet.total_height * sheet.total_width > _MAX_CELLS:
                raise UnreadableAnswer(f"the sheet {name!r} is larger than {_MAX_CELLS} cells")
            rows: Table = sheet.to_python(skip_empty_area=False)
            if any(cell != "" for row in rows for cell in row):
                return rows
    except (CalamineError, OSError, ValueError) as exc:
        raise UnreadableAnswer(f"truncated or malformed workbook: {exc}") from exc
    except BaseException as exc:
        # The reader is written in Rust and panics over some broken files.
        if _is_panic(exc):
            raise UnreadableAnswer("malformed workbook: its reader gave up") from None
        raise
    raise UnreadableAnswer("the workbook is empty")


def _is_panic(exc: Any) -> bool:
    return type(exc).__name__ == "PanicException"
