"""DuckDB behind the database protocol; the only place that knows duckdb."""

from shared.database.duckdb.database import DuckdbDatabase

__all__ = ["DuckdbDatabase"]
