"""Moves all rows from DuckDB to PostgreSQL, or back: the same as `econstream migrate`."""

import sys

from services.cli.__main__ import main

if __name__ == "__main__":
    sys.argv[1:1] = ["migrate"]
    main()
