"""Listings: a table on a terminal, plain lines into a pipe, JSON where it is asked for."""

import datetime as dt
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from services.cli.session import on_terminal
from shared.record import encode_time

Row = Sequence[Any]


def listing(columns: Sequence[str], rows: Sequence[Row], *, as_json: bool) -> None:
    """Print rows: a table for a person, tab-separated lines with a heading for a pipe.

    JSON is one array of objects. None is shown as nothing, and in JSON as null.
    """
    if as_json:
        document([dict(zip(columns, row, strict=True)) for row in rows])
    elif on_terminal():
        _table(columns, rows)
    else:
        lines([columns, *rows])


def lines(rows: Iterable[Row]) -> None:
    """Print rows as lines, their values separated by tabs."""
    for row in rows:
        say("\t".join(_plain(value) for value in row))


def document(value: Any) -> None:
    """Print one value as JSON."""
    say(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def say(text: str) -> None:
    """Print a line to standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _table(columns: Sequence[str], rows: Sequence[Row]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for position, name in enumerate(columns):
        figures = bool(rows) and all(_is_figure(row[position]) for row in rows)
        table.add_column(name, justify="right" if figures else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_plain(value)) for value in row))
    Console().print(table)


def _is_figure(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return encode_time(value)
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return " ".join(str(value).split())
