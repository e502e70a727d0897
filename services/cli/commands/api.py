"""Serve the HTTP API."""


def api() -> None:
    """Serve the HTTP API on API_HOST and API_PORT; its documentation is at /docs.

    With PostgreSQL it runs beside the loader, as often as wanted. A DuckDB file belongs to one
    process: `econstream up` runs loader and API together.

    \b
    Examples
      econstream api
      API_PORT=8080 econstream api
    """
    from services.api.app import run_api
    from services.cli.output import say
    from services.cli.session import begin, find_up, refuse_held, run

    settings = begin("api", least="DEBUG")
    running = find_up(settings)
    refuse_held(settings, running, f"serves it at {running and running.api_url}")
    run(
        lambda stop: run_api(
            settings, stop, announce=lambda address: say(f"API at {address}, see {address}/docs")
        )
    )
