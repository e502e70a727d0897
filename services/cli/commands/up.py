"""Run every service in one process."""


def up() -> None:
    """Run every service in one process: broker, fetchers, loader, API.

    Without KAFKA_BOOTSTRAP_SERVERS an embedded broker is started; without DATABASE_BACKEND
    rows go into the DuckDB file DUCKDB_PATH. While it runs, the other commands find it by
    DATA_DIR/up.json. Ctrl-C ends it within seconds, and nothing that is stored is lost.

    \b
    Examples
      econstream up
      FETCH_REPLAY_DIR=samples econstream up
      DATABASE_BACKEND=postgresql DATABASE_URL=postgresql://… econstream up
    """
    from services.cli.pipeline.up import run_up
    from services.cli.session import begin, run

    settings = begin("up", least="DEBUG")
    run(lambda stop: run_up(settings, stop))
