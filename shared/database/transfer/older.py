"""DuckDB files and DataFrames of earlier programs: their column names and types, read as ours.

The table of names is in docs/POSTGRES_MIGRATION.md, and a test holds the two together.
"""

from collections.abc import Mapping

from shared.columns import Column, Kind
from shared.database.ddl import text
from shared.database.sql import quote
from shared.database.tables import Table

OLDER_NAMES: Mapping[str, Mapping[str, str]] = {
    "fred_data": {"series": "series_id", "observation_date": "date", "observation": "value"},
    "yfinance_ohlcv": {
        "symbol": "ticker",
        "datetime": "date",
        "adjusted_close": "adj_close",
        "adjclose": "adj_close",
    },
    "cboe_vix_history": {
        "vix_open": "open",
        "vix_high": "high",
        "vix_low": "low",
        "vix_close": "close",
    },
    "ici_etf_weekly_flows": {"week_end": "week_ending", "date": "week_ending"},
    "ici_etf_monthly_flows": {"month_end": "month_ending", "date": "month_ending"},
    "news_sentiment": {"id": "article_id", "published": "published_at", "source": "source_name"},
    "technical_features": {"symbol": "ticker", "rsi": "rsi_14", "atr": "atr_14"},
    "options_data": {"symbol": "ticker", "iv": "implied_volatility"},
    "ml_predictions": {"symbol": "ticker", "predicted_value": "prediction_value"},
    "model_performance": {"metric": "metric_name", "value": "metric_value"},
    "data_refresh_log": {"timestamp": "refresh_time", "records": "records_updated"},
}
"""By table, the earlier name of a column and ours; capitals and blanks are of no account."""

MOMENTS = ("as_of", "fetched_at", "last_updated", "updated_at", "created_at")
"""Columns that say when an earlier row became known, the first that is there."""

_GIVEN = {"fund_type": "etf", "currency": None}
"""What earlier tables of one kind alone did not say."""

_STAMPS = frozenset({"as_of", "confirmed_as_of", "created_at", "updated_at"})


def spelled(name: str) -> str:
    """Return a column's name without capitals, blanks and signs."""
    return "_".join(name.lower().replace("-", " ").replace("_", " ").split())


def relation(table: Table, live: Mapping[str, str], known_at: int) -> str | None:
    """Return the SQL of an earlier table's rows in our columns and types.

    live      the table's columns and their types, as DuckDB says them
    known_at  seconds since 1970 at which rows that name no moment became known

    None where it lacks a key column, so that it cannot be this table.
    """
    ours = _ours(table, live)
    if not all(name in ours or name in _GIVEN for name in table.key):
        return None
    columns = ", ".join(
        f"{_value(table, column, ours, live, known_at)} AS {quote(column.name)}"
        for column in table.columns
    )
    return f"(SELECT {columns} FROM {quote(table.name)})"


def left_behind(table: Table, live: Mapping[str, str]) -> list[str]:
    """Return the columns of an earlier table that ours has no place for."""
    taken = {*_ours(table, live).values()}
    return [name for name in live if name not in taken and spelled(name) not in MOMENTS]


def _ours(table: Table, live: Mapping[str, str]) -> dict[str, str]:
    """Return our names of the columns that are there, with theirs."""
    renamed = OLDER_NAMES.get(table.name, {})
    declared = {column.name for column in table.columns}
    found: dict[str, str] = {}
    for name in live:
        plain = spelled(name)
        ours = plain if plain in declared else renamed.get(plain)
        if ours is not None:
            found.setdefault(ours, name)
    return found


def _value(
    table: Table, column: Column, ours: Mapping[str, str], live: Mapping[str, str], known_at: int
) -> str:
    kind = column.kind.duckdb
    if column.name in _STAMPS:
        return _moment(live, known_at)
    if column.name in ours:
        return _cast(_name(ours[column.name]), live[ours[column.name]], column)
    if column.name == "source":
        return text("migration")
    given = _GIVEN.get(column.name, column.default if column.has_default else None)
    if isinstance(given, str):
        return f"{text(given)}::{kind}"
    return f"{'NULL' if given is None else str(given).lower()}::{kind}"


def _cast(name: str, live: str, column: Column) -> str:
    kind = column.kind.duckdb
    if column.kind is Kind.FLOAT:
        figure = f"TRY_CAST({name} AS DOUBLE)"
        return f"CASE WHEN isfinite({figure}) THEN {figure} END"
    if live == kind:
        return name
    if column.kind is Kind.DATE and live.startswith("TIMESTAMP"):
        # A day's own midnight, whatever the session's zone.
        return f"TRY_CAST({name}::TIMESTAMP AS DATE)"
    if column.kind is Kind.TIMESTAMP and live.startswith("TIMESTAMP"):
        return f"({name} AT TIME ZONE 'UTC')"
    return f"TRY_CAST({name} AS {kind})"


def _moment(live: Mapping[str, str], known_at: int) -> str:
    by_name = {spelled(name): name for name in live}
    for moment in MOMENTS:
        name = by_name.get(moment)
        if name is not None and live[name].startswith("TIMESTAMP"):
            given = _name(name)
            zoned = given if live[name] != "TIMESTAMP" else f"({given} AT TIME ZONE 'UTC')"
            return f"coalesce({zoned}, to_timestamp({known_at}))"
    return f"to_timestamp({known_at})"


def _name(name: str) -> str:
    """Return a foreign column's name quoted, whatever it is."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
