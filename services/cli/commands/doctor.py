"""Check all that has to be right, and say what to do."""

from services.cli.options import AsJson


def doctor(as_json: AsJson = False) -> None:
    """Check settings, broker, topics, database, schema, sources and disk; say what to do.

    Changes nothing. Exit status 1 where something failed.

    \b
    Examples
      econstream doctor
      econstream doctor --json
    """
    from services.cli.doctor import examine
    from services.cli.session import wait_for

    wait_for(lambda: examine(as_json=as_json))
