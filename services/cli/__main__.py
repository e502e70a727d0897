"""The process's edge: runs one command and turns how it ended into an exit status."""

import sys

from services.cli.app import application


def main() -> None:
    """Run the command that the arguments name and exit: 0, 1, 2 or 78, never with a traceback."""
    try:
        application()(prog_name="econstream")
    except Exception as exc:  # noqa: BLE001  # the process's edge: every error ends in a status
        sys.exit(_status_of(exc))


def _status_of(exc: Exception) -> int:
    # Imported only now, so that --help need not wait for it.
    from shared.lifecycle import guard

    def again() -> None:
        raise exc

    return guard(again)


if __name__ == "__main__":
    main()
