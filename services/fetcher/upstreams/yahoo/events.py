"""Dividends, splits and capital gains out of Yahoo's chart answers."""

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from services.fetcher.answer import UnreadableAnswer
from services.fetcher.parsing.columns import make_rows
from shared.dataset import Column
from shared.datasets.corporate_actions import DATASET as CORPORATE_ACTIONS
from shared.record import Rows

Action = dict[str, Any]
KINDS = {"dividends": "dividend", "capitalGains": "capital_gain", "splits": "split"}
"""Yahoo's names of what changes the prices before it, and ours."""


def corporate_actions(
    result: Mapping[str, Any],
    ticker: str,
    days_of: Callable[[list[Any]], pa.Array],
    as_of: dt.datetime,
    source: str,
) -> list[Rows]:
    """Return the corporate actions among a chart's events; no rows where there are none.

    `days_of` turns timestamps into days at the exchange. Of two actions of one kind and day the
    later in Yahoo's order counts. Raises UnreadableAnswer where an event is not of its form.
    """
    events, currency = result.get("events"), (result.get("meta") or {}).get("currency")
    if not events:
        return []
    if not isinstance(events, dict):
        raise UnreadableAnswer("'events' is no object: Yahoo's answers have changed")
    found = [
        {"currency": currency} | action | {"ticker": ticker}
        for name in KINDS
        for action in _actions(name, events.get(name) or {})
    ]
    if not found:
        return []
    days = days_of([action["date"] for action in found])
    unique = {
        (day, action["kind"]): {**action, "ex_date": day}
        for day, action in zip(days.to_pylist(), found, strict=True)
    }
    columns = {
        column.name: _column([row[column.name] for row in unique.values()], column)
        for column in CORPORATE_ACTIONS.columns
    }
    return [make_rows(CORPORATE_ACTIONS, columns, as_of, source)]


def _column(values: list[Any], column: Column) -> pa.Array:
    try:
        return pa.array(values, column.kind.arrow)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as exc:
        raise UnreadableAnswer(f"{column.name!r} of an event is not of its type: {exc}") from exc


def _actions(name: str, events: Any) -> Iterator[Action]:
    if not isinstance(events, dict):
        raise UnreadableAnswer(f"{name!r} is no object: Yahoo's answers have changed")
    for event in events.values():
        try:
            amount, ratio = _figures(name, event)
            own = {"currency": str(event["currency"])} if event.get("currency") else {}
            kind = KINDS[name]
            yield {"kind": kind, "date": event["date"], "amount": amount, "ratio": ratio} | own
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as exc:
            raise UnreadableAnswer(f"an event of {name!r} is not of its form: {exc!r}") from exc


def _figures(name: str, event: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return amount and ratio, of which one is null."""
    figure = (
        float(event["numerator"]) / float(event["denominator"])
        if name == "splits"
        else float(event["amount"])
    )
    if not math.isfinite(figure):
        raise ValueError(f"{figure} is no figure")
    return (None, figure) if name == "splits" else (figure, None)
