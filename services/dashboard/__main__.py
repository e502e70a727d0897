"""The dashboard as a program: `python -m services.dashboard` is `econstream dashboard`."""

import argparse
import sys
from collections.abc import Sequence

from services.dashboard.app import run_dashboard
from shared.lifecycle import guard, run
from shared.observability import configure_logging
from shared.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the dashboard as the settings say and return the exit status. Blocks."""
    argparse.ArgumentParser(prog="python -m services.dashboard", description=__doc__).parse_args(
        arguments
    )

    def started() -> int:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format, "dashboard", settings.secrets)
        return run(lambda stop: run_dashboard(settings, stop))

    return guard(started)


if __name__ == "__main__":
    sys.exit(main())
