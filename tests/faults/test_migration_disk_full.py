"""A migration whose target has no room: it says so, and goes on where there is some again."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from shared.registry import discover
from shared.settings import Settings
from tests.batches import Feed, at, opened
from tests.command_line import Shell, one_line
from tests.faults.harness.small_disk import database_on, fill, small_disk
from tests.services.databases import PostgresServer

FRED = discover()["fred_data"]
ROWS = 60_000
START = dt.date(2000, 1, 1)


async def test_a_full_target_is_said_and_a_rerun_ends_it(
    tmp_path: Path, postgres_node: PostgresServer, pass_over: Callable[[str, str], NoReturn]
) -> None:
    source = tmp_path / "source.duckdb"
    async with opened(Settings(duckdb_path=source), discover()) as database:
        feed = Feed(database, FRED)
        await feed.claim()
        rows = [
            {"series_id": f"S{n % 300}", "date": START + dt.timedelta(n // 300), "value": float(n)}
            for n in range(ROWS)
        ]
        await feed.write([(row, at(0)) for row in rows])
    with small_disk(postgres_node, pass_over) as disk:
        url = await database_on(postgres_node, disk)
        shell = Shell(tmp_path, {"DUCKDB_PATH": str(source), "DATABASE_URL": url})
        made = shell.run("schema", "apply", settings={"DATABASE_BACKEND": "postgresql"})
        assert made.returncode == 0, made.stderr
        filler = fill(disk)
        refused = shell.run("migrate", timeout=120)
        assert refused.returncode == 1, refused.stderr
        assert "No space left on device" in one_line(refused.stderr)
        filler.unlink()
        done = shell.run("migrate", timeout=120)
        assert done.returncode == 0, done.stderr
        assert "verified" in done.stderr
