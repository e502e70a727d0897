"""Fetcher, processor, loader and API as processes give what one gives, value for value."""

import csv
import io
import re
from pathlib import Path

import pytest

from services.processor.app import OUTPUTS
from shared.embedded import find_binary
from shared.errors import ConfigError
from shared.registry import discover
from tests.command_line import SAMPLES, Running, Shell, get
from tests.e2e.replayed import datasets_of_the_samples, unlike
from tests.services.search import Service
from tests.waiting import until_sync

DATASETS = list(discover())
WITHIN_SECONDS = 180.0
VERSIONS = (
    "SELECT series_id, date, value, as_of, confirmed_as_of, known_from, known_until "
    "FROM fred_data_versions"
)
# What differs by nature: each run has an id, a beginning and a duration of its own.
OF_A_RUN = {"run_id", "refresh_time", "duration_seconds"}


def await_api(process: Running) -> str:
    """Return the address that a serving process says it listens at."""
    found = until_sync(
        lambda: re.search(r"(http://\S+)/docs", process.said) or process.ended, WITHIN_SECONDS
    )
    assert isinstance(found, re.Match), process.said
    return found[1]


def everything(url: str, shell: Shell) -> dict[str, str]:
    """Return each dataset as CSV, and beside it all versions of the one that has many."""
    versions = shell.run("query", VERSIONS, "--format", "csv")
    assert versions.returncode == 0, versions.stderr
    current = {d.name: get(f"{url}/v1/data/{d.name}?format=csv") for d in DATASETS}
    return current | {"versions": "\n".join(sorted(versions.stdout.splitlines()))}


def of_runs(text: str) -> list[tuple[tuple[str, str], ...]]:
    rows = csv.DictReader(io.StringIO(text))
    return sorted(
        tuple((name, value) for name, value in row.items() if name not in OF_A_RUN) for row in rows
    )


@pytest.fixture
def from_one_process(tmp_path: Path) -> dict[str, str]:
    """What the demo serves out of DuckDB, by way of the embedded broker."""
    try:
        find_binary()
    except ConfigError as exc:
        pytest.skip(str(exc))
    folder = tmp_path / "one"
    folder.mkdir()
    shell = Shell(folder)
    with shell.started("demo", API_PORT="0") as demo:
        found = everything(await_api(demo), shell)
        assert demo.end() == 0
    return found


@pytest.fixture
def from_many_processes(
    tmp_path: Path,
    kafka: Service,
    topic_prefix: str,
    postgres_url: str,
    from_one_process: dict[str, str],
) -> dict[str, str]:
    """What a process for each part makes of the same answers with Kafka and PostgreSQL."""
    folder = tmp_path / "many"
    folder.mkdir()
    shell = Shell(
        folder,
        {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.address,
            "KAFKA_TOPIC_PREFIX": topic_prefix,
            "LOADER_GROUP_ID": f"{topic_prefix}loader",
            "DATABASE_BACKEND": "postgresql",
            "DATABASE_URL": postgres_url,
            "API_PORT": "0",
        },
    )
    fetched = shell.run("fetch", "--once", "--replay", str(SAMPLES), timeout=WITHIN_SECONDS)
    assert fetched.returncode == 0, fetched.stderr
    loaded = shell.run("load", "--until-caught-up", timeout=WITHIN_SECONDS)
    assert loaded.returncode == 0, loaded.stderr
    assert " 0 dead letters" in loaded.stdout
    assert shell.run("schema", "check").returncode == 0
    with shell.started("process") as worker, shell.started("load") as loader:
        with shell.started("api") as api:
            address = await_api(api)
            for name in OUTPUTS:
                await_lines(f"{address}/v1/data/{name}?format=csv", from_one_process[name])
            found = everything(address, shell)
            assert api.end() == 0
        assert [worker.end(), loader.end()] == [0, 0]
    return found


def await_lines(url: str, expected: str) -> None:
    until_sync(lambda: get(url).count("\n") == expected.count("\n"), WITHIN_SECONDS, every=0.5)


def test_both_ways_give_the_same_values(
    from_one_process: dict[str, str], from_many_processes: dict[str, str]
) -> None:
    for name, one in from_one_process.items():
        many = from_many_processes[name]
        assert one.count("\n") > int(name in datasets_of_the_samples()), name
        if name == "data_refresh_log":
            assert of_runs(one) == of_runs(many)
        else:
            assert unlike(one, many) == [], name
