"""Serve the dashboard."""


def dashboard() -> None:
    """Serve the dashboard on DASHBOARD_PORT; it reads the API and nothing else.

    Which API: DASHBOARD_API_URL, else that of the `up` or `demo` that runs here, else the one
    on API_PORT. Where the API wants a key, DASHBOARD_API_KEY holds one of scope read.

    \b
    Examples
      econstream dashboard
      DASHBOARD_PORT=8600 DASHBOARD_API_URL=https://data.example.com econstream dashboard
    """
    from services.cli.output import say
    from services.cli.session import begin, run
    from services.dashboard.app import run_dashboard

    settings = begin("dashboard", least="DEBUG")
    run(
        lambda stop: run_dashboard(
            settings, stop, announce=lambda address: say(f"Dashboard at {address}")
        )
    )
