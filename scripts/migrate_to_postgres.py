"""Moves all rows from DuckDB to PostgreSQL, or back: the same as `econstream migrate`."""

import os
import sys
from pathlib import Path

INSTALLED = Path(__file__).resolve().parents[1] / ".venv" / "bin" / "python"

if __name__ == "__main__":
    try:
        from services.cli.__main__ import main
    except ModuleNotFoundError as exc:
        # Another Python than the one that `make setup` installs econstream for.
        if INSTALLED.exists() and Path(sys.prefix) != INSTALLED.parents[1]:
            os.execv(INSTALLED, [str(INSTALLED), *sys.argv])  # noqa: S606  # no shell is meant
        print(
            f"econstream is not installed for this Python ({exc}): run `make setup` first",
            file=sys.stderr,
        )
        sys.exit(78)
    sys.argv[1:1] = ["migrate"]
    main()
