"""The fetcher as a program: `python -m services.fetcher` does what `econstream fetch` does."""

import argparse
import asyncio
import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path

from services.fetcher.app import FetchOrder, run_fetcher
from services.fetcher.registry import discover
from services.fetcher.runs.summary import summary_lines
from shared.control import join_broker
from shared.errors import EX_USAGE
from shared.lifecycle import guard, run
from shared.observability import configure_logging, report
from shared.settings import Settings, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the fetcher as the arguments say and return the exit status. Blocks."""
    order = _order(arguments)

    def started() -> int:
        sources = discover()
        if unknown := [name for name in order.names if sources.find(name) is None]:
            known = ", ".join(sources.names())
            report(f"no source is called {', '.join(unknown)}: there are {known}", failed=True)
            return EX_USAGE
        settings = load_settings()
        secrets = [settings.fred_api_key] if settings.fred_api_key else []
        configure_logging(settings.log_level, settings.log_format, "fetcher", secrets)
        joined = settings if order.dry_run else join_broker(settings)
        return run(lambda stop: _fetch(joined, order, stop))

    return guard(started)


async def _fetch(settings: Settings, order: FetchOrder, stop: asyncio.Event) -> int:
    report = await run_fetcher(settings, order, stop)
    if report is None:
        return 0
    sys.stdout.writelines(f"{line}\n" for line in summary_lines(report))
    return report.exit_status


def _order(arguments: Sequence[str] | None) -> FetchOrder:
    parser = argparse.ArgumentParser(prog="python -m services.fetcher", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SOURCE", help="sources; none: all")
    parser.add_argument("--once", action="store_true", help="fetch once and end")
    parser.add_argument("--since", type=dt.date.fromisoformat, help="from this day on (YYYY-MM-DD)")
    parser.add_argument("--replay", type=Path, metavar="DIR", help="play an archive back")
    parser.add_argument("--dry-run", action="store_true", help="publish nothing")
    given = parser.parse_args(arguments)
    return FetchOrder(
        tuple(given.names), given.once, given.since, given.replay, bool(given.dry_run)
    )


if __name__ == "__main__":
    sys.exit(main())
