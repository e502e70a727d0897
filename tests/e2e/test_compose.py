"""The deployment, up as a user brings it up: what it serves, what it survives, what it may not."""

import asyncio
import faulthandler
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest

from shared.database.factory import create_database
from shared.embedded import find_binary
from shared.errors import ConfigError
from shared.registry import discover
from shared.settings import Settings
from tests.api import api_over
from tests.command_line import Shell
from tests.e2e.deployment import SERVICES, Deployment, deployed, require
from tests.loading import bar
from tests.services.search import UnavailableError
from tests.waiting import until_sync

DATASETS = [dataset.name for dataset in discover() if dataset.name != "data_refresh_log"]
BARS = 120_000
CRASHES = 2
PRODUCED = "ticker ~ '^T[0-9]+$'"


@pytest.fixture(autouse=True)
def _bounded_otherwise() -> None:
    """Building may take longer than a test; every wait here has a bound of its own."""
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="module")
def deployment(do_without: Callable[[str, str], NoReturn]) -> Iterator[Deployment]:
    faulthandler.cancel_dump_traceback_later()
    try:
        require()
    except UnavailableError as exc:
        do_without("a deployment in containers", str(exc))
    with deployed() as running:
        yield running


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the demo's API serves of each dataset: the samples, by way of DuckDB."""
    try:
        find_binary()
    except ConfigError as exc:
        pytest.skip(str(exc))
    shell = Shell(tmp_path_factory.mktemp("demo"))
    ran = shell.run("demo", "--exit", timeout=180)
    assert ran.returncode == 0, ran.stderr
    return asyncio.run(_served(shell.folder / "data" / "demo.duckdb"))


async def _served(path: Path) -> dict[str, str]:
    settings = Settings(_env_file=None, duckdb_path=path)
    database = create_database(settings, application="test")
    await database.open()
    try:
        async with api_over(database) as api:
            urls = {name: f"/v1/data/{name}?format=csv" for name in DATASETS}
            return {name: (await api.get(url)).text for name, url in urls.items()}
    finally:
        await database.close()


def test_the_samples_are_served_as_the_demo_serves_them(
    deployment: Deployment, demo: dict[str, str]
) -> None:
    for service in (*SERVICES, "postgres", "kafka"):
        assert deployment.state(service)["State"]["Health"]["Status"] == "healthy"
    for name, expected in demo.items():
        lines = expected.count("\n")
        until_sync(lambda: deployment.csv(name).count("\n") == lines, within=120, every=1)  # noqa: B023
        assert deployment.csv(name) == expected
    filled = {name for name, expected in demo.items() if expected.count("\n") > 1}
    assert filled >= {"fred_data", "fred_series", "yfinance_ohlcv", "cboe_vix_history"}


def test_a_loader_killed_under_load_stores_every_record_once(
    deployment: Deployment, tmp_path: Path
) -> None:
    rows = tmp_path / "bars.ndjson"
    rows.write_bytes(b"\n".join(bar(number) for number in range(BARS)))
    produce = ("exec", "-T", "fetcher", "econstream", "produce", "yfinance_ohlcv")

    def stored() -> int:
        return int(deployment.sql(f"SELECT count(*) FROM yfinance_ohlcv WHERE {PRODUCED}"))

    with ThreadPoolExecutor(1) as producing:
        produced = producing.submit(deployment.run, *produce, stdin=rows)
        found = []
        for crash in range(CRASHES):
            until_sync(lambda: stored() > BARS * crash // (CRASHES + 2), within=120)  # noqa: B023
            found.append(stored())
            before = deployment.state("loader")["RestartCount"]
            if deployment.crash("loader"):
                assert deployment.state("loader")["RestartCount"] == before + 1
        assert produced.result(120).returncode == 0, produced.result().stderr
    assert found[0] < BARS, "no crash fell into the work"
    until_sync(lambda: stored() == BARS, within=120, every=0.5)
    expected = {
        (b["ticker"], b["date"], b["volume"]) for b in map(json.loads, map(bar, range(BARS)))
    }
    lines = deployment.csv("yfinance_ohlcv", fields="ticker,date,volume").splitlines()
    bars = [(t, day, int(volume)) for t, day, volume in (line.split(",") for line in lines[1:])]
    assert expected <= set(bars)
    assert len(bars) == len(set(bars))
    assert deployment.sql("SELECT count(*) FROM dead_letters") == "0"
    assert deployment.sql(f"SELECT count(*) FROM yfinance_ohlcv_revisions WHERE {PRODUCED}") == "0"


def test_services_run_with_no_more_rights_than_they_need(deployment: Deployment) -> None:
    for service in SERVICES:
        assert deployment.inside(service, "id", "-u").strip() == "10001"
        assert "CapEff:\t0000000000000000" in deployment.inside(service, "cat", "/proc/1/status")
        refused = deployment.run("exec", "-T", service, "touch", "/app/written")
        assert "Read-only file system" in refused.stderr
        published = deployment.state(service)["NetworkSettings"]["Ports"]
        bound = [place["HostIp"] for places in published.values() for place in places or ()]
        assert bound == (["127.0.0.1"] if service == "api" else [])
        logged = deployment.compose("logs", "--no-log-prefix", service)
        assert deployment.password not in logged


def test_a_wrong_password_is_told_in_one_line(deployment: Deployment) -> None:
    run = ("run", "--rm", "--no-deps", "-T", "--env", "POSTGRES_PASSWORD=wrong-secret")
    refused = deployment.run(*run, "loader")
    assert refused.returncode == 78, refused.stderr
    line = json.loads(refused.stderr.strip())
    assert "POSTGRES_PASSWORD" in line["event"]
    assert "wrong-secret" not in refused.stderr


def test_a_stop_is_clean_and_the_data_stays(deployment: Deployment) -> None:
    before = {name: deployment.csv(name) for name in DATASETS}
    deployment.compose("stop", *SERVICES)
    assert {
        name: deployment.state(name)["State"]["ExitCode"] for name in SERVICES
    } == dict.fromkeys(SERVICES, 0)
    deployment.compose("down")
    deployment.up()
    assert {name: deployment.csv(name) for name in DATASETS} == before
