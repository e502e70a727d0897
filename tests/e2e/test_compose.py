"""The deployment, up as a user brings it up: what it serves, what it survives, what it may not."""

import asyncio
import csv
import faulthandler
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, NoReturn

import asyncpg
import pytest
from pydantic import SecretStr

from services.processor.app import OUTPUTS
from shared.database.factory import create_database
from shared.embedded import find_binary
from shared.errors import ConfigError
from shared.registry import discover
from shared.settings import Settings
from tests.api import api_over
from tests.command_line import Shell
from tests.e2e import send
from tests.e2e.deployment import ROOT, SERVICES, Deployment, deploying, docker, require, said
from tests.e2e.probes import EVERY_MODULE, REACHED
from tests.e2e.replayed import rows_of, unlike
from tests.services.search import UnavailableError
from tests.waiting import stretched, until_sync

DATASETS = [dataset.name for dataset in discover() if dataset.name != "data_refresh_log"]
SERVICE = "com.docker.compose.service"
IMAGE_BYTES = 450_000_000


@pytest.fixture(autouse=True)
def _bounded_otherwise() -> None:
    """Building may take longer than a test; every wait here has a bound of its own."""
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="module")
def began(do_without: Callable[[str, str], NoReturn]) -> Iterator[Deployment]:
    faulthandler.cancel_dump_traceback_later()
    try:
        require()
    except UnavailableError as exc:
        do_without("a deployment in containers", str(exc))
    with deploying() as deployment:
        yield deployment


@pytest.fixture(scope="module")
def earlier(began: Deployment) -> dict[str, str] | None:
    """What the commit before this one served of each dataset, deployed and taken down again."""
    archive = ["git", "-C", str(ROOT), "archive", "HEAD~1"]
    done = subprocess.run(archive, capture_output=True, check=False, timeout=60)
    if done.returncode:
        return None
    root = began.folder / "earlier"
    with tarfile.open(fileobj=BytesIO(done.stdout)) as files:
        files.extractall(root, filter="data")
    began.take(root, "earlier")
    began.up()
    until_sync(lambda: "archive_replayed" in began.compose("logs", "fetcher"), 120, every=1)
    until_sync(lambda: send.lag(began) == 0, within=120, every=1)
    served = {name: began.csv(name) for name in DATASETS}
    began.compose("down")
    return served


@pytest.fixture(scope="module")
def deployment(began: Deployment, earlier: object) -> Deployment:
    """This commit's deployment, on the volumes and secrets of the one before."""
    began.take(ROOT, "now")
    began.up()
    return began


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the demo's API serves of each dataset: the samples, by way of DuckDB."""
    faulthandler.cancel_dump_traceback_later()
    try:
        find_binary()
    except ConfigError as exc:
        pytest.skip(str(exc))
    shell = Shell(tmp_path_factory.mktemp("demo"))
    ran = shell.run("demo", "--exit", timeout=stretched(240))
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


def test_an_upgrade_keeps_what_was_stored(
    deployment: Deployment,
    earlier: dict[str, str] | None,
    pass_over: Callable[[str, str], NoReturn],
) -> None:
    if earlier is None:
        pass_over("upgrade", "git knows no commit before this one")
    assert earlier["fred_data"].count("\n") > 1
    for name, served in earlier.items():
        # What is derived may have gone on meanwhile, from the same rows.
        columns = discover()[name].key if name in OUTPUTS else None
        assert not rows_of(served, columns) - rows_of(deployment.csv(name), columns), name


def test_the_samples_are_served_as_the_demo_serves_them(
    deployment: Deployment, demo: dict[str, str]
) -> None:
    for container in deployment.containers(*SERVICES, "postgres", "kafka"):
        assert container["State"]["Health"]["Status"] == "healthy"
    for name, expected in demo.items():
        count = len(list(csv.reader(StringIO(expected)))) - 1
        assert count, name
        until_sync(lambda: deployment.rows(name) == count, within=180, every=1)  # noqa: B023
        with suppress(AssertionError):
            until_sync(lambda: deployment.csv(name) == expected, within=30, every=1)  # noqa: B023
        assert unlike(expected, deployment.csv(name)) == [], name
    assert deployment.rows("data_refresh_log")


def test_whoever_is_killed_under_load_every_record_is_stored_once(
    deployment: Deployment, tmp_path: Path
) -> None:
    loaders, processors = map(deployment.containers, ("loader", "processor"))
    victims = [loaders[:1] + processors[:1] + deployment.containers("api")]
    victims += [loaders[1:] + processors[1:] + deployment.containers("fetcher")]
    victims += [deployment.containers("postgres"), deployment.containers("kafka")]
    victims.append(deployment.containers(*SERVICES, "postgres", "kafka"))
    met = 0
    for number, containers in enumerate(victims):
        rows = send.write(tmp_path / f"{number}.ndjson", number)
        with ThreadPoolExecutor(1) as producing:
            produced = producing.submit(send.produce, deployment, rows)
            until_sync(lambda: send.stored(deployment) > send.first(number), 120, every=0.2)  # noqa: B023
            met += not send.all_is_stored(deployment, number + 1)
            deployment.crash(containers)
            produced.result(180)
        until_sync(lambda: send.all_is_stored(deployment, number + 1), 180, every=0.5)  # noqa: B023
    assert met, "no fault met any work"
    send.check(deployment, len(victims))


def test_what_is_derived_is_as_if_computed_at_once(deployment: Deployment) -> None:
    rounds = send.stored(deployment) // send.ROUND_BARS
    until_sync(lambda: send.all_is_derived(deployment, rounds), 60, every=0.5)
    send.check_derived(deployment, rounds)


def test_services_run_with_no_more_rights_than_they_need(deployment: Deployment) -> None:
    for service in SERVICES:
        assert deployment.inside(service, "id", "-u").strip() == "10001"
        status = deployment.inside(service, "cat", "/proc/1/status")
        assert "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
        assert "econstream" in deployment.inside(service, "cat", "/proc/1/cmdline")
        refused = deployment.run("exec", "-T", service, "touch", "/app/written")
        assert "Read-only file system" in refused.stderr
    secrets = [path.read_text().strip() for path in deployment.secrets.iterdir()]
    logged = deployment.compose("logs", "--no-log-prefix")
    for container in deployment.containers():
        told = logged + str(container["Config"]["Env"]) + str(container["Config"]["Cmd"])
        assert not [secret for secret in secrets if secret and secret in told]
        published = container["NetworkSettings"]["Ports"] or {}
        bound = {place["HostIp"] for places in published.values() for place in places or ()}
        assert bound <= {"127.0.0.1"}
        assert bool(bound) == (container["Config"]["Labels"][SERVICE] in ("api", "postgres"))


def test_limits_hold_under_load(deployment: Deployment) -> None:
    """Looked at after the load: nobody was killed for want of memory, and all had a limit."""
    for container in deployment.containers():
        limits = container["HostConfig"]
        assert 0 < limits["Memory"] <= 2**30, container["Name"]
        assert not container["State"]["OOMKilled"], container["Name"]
        if container["Config"]["Image"].startswith("econstream:"):
            assert limits["NanoCpus"] == 10**9
            assert limits["PidsLimit"] == 256


def test_a_stranger_reaches_no_container(deployment: Deployment) -> None:
    """From a container beside the deployment every address and port of it is out of reach."""
    places = [
        (network["IPAddress"], port)
        for container in deployment.containers(*SERVICES, "postgres", "kafka")
        for network in container["NetworkSettings"]["Networks"].values()
        for port in (8000, 9100, 5432, 9092)
    ]
    reach = ("run", "--rm", "--entrypoint", "python")
    what = (deployment.images[-1], "-c", REACHED, json.dumps(places))
    assert said(docker(*reach, *what)).split() == []
    at_home = said(docker(*reach, "--network", f"{deployment.name}_private", *what)).split()
    assert len(at_home) >= len(SERVICES) + 2


def test_this_machine_reaches_the_database_with_the_secret(deployment: Deployment) -> None:
    """What scripts on this machine use: the port on loopback, and the file that .env names."""
    settings = Settings(_env_file=deployment.folder / ".env")
    assert settings.postgres_password == SecretStr(deployment.secret("postgres_password"))
    assert asyncio.run(_ask(deployment, deployment.secret("postgres_password"))) > 0
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(_ask(deployment, "wrong"))


def test_a_services_role_may_do_its_work_and_no_more(deployment: Deployment) -> None:
    refused = {
        ("loader", "SELECT digest FROM api_keys"),
        ("loader", "DROP TABLE fred_data"),
        ("processor", "SELECT digest FROM api_keys"),
        ("processor", "INSERT INTO technical_features SELECT * FROM technical_features"),
        ("api", "INSERT INTO fred_data SELECT * FROM fred_data"),
        ("api", "DELETE FROM dead_letters"),
    }
    for role, query in refused:
        password = deployment.secret(f"{role}_password")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            asyncio.run(_ask(deployment, password, f"econstream_{role}", query))
        assert asyncio.run(_ask(deployment, password, f"econstream_{role}")) > 0


async def _ask(
    deployment: Deployment,
    password: str,
    user: str = "dashboard_user",
    query: str = "SELECT count(*) FROM fred_data",
) -> Any:
    connection = await asyncpg.connect(
        host="127.0.0.1",
        port=deployment.postgres_port,
        user=user,
        password=password,
        database="economic_dashboard",
        timeout=10,
    )
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("service", "environment", "named"),
    [
        ("loader", {"POSTGRES_PASSWORD": "wrong-secret"}, "POSTGRES_PASSWORD"),
        ("migrate", {"POSTGRES_PASSWORD_FILE": "/run/secrets/none"}, "POSTGRES_PASSWORD_FILE"),
        ("api", {"API_KEY_PEPPER_FILE": ""}, "API_KEY_PEPPER"),
        ("loader", {"METRICS_PORT": "99999"}, "METRICS_PORT"),
    ],
)
def test_what_is_configured_wrongly_is_told_in_one_line(
    deployment: Deployment, service: str, environment: dict[str, str], named: str
) -> None:
    refused = deployment.once(service, environment=environment)
    assert refused.returncode == 78, refused.stderr
    [line] = refused.stderr.strip().splitlines()
    assert named in line
    assert "wrong-secret" not in line


def test_an_old_schema_is_told_and_mended(deployment: Deployment) -> None:
    deployment.sql("ALTER TABLE ml_predictions DROP COLUMN confidence CASCADE")
    for service in ("loader", "api"):
        refused = deployment.once(service)
        assert (refused.returncode, "schema apply" in refused.stderr) == (78, True), refused.stderr
    assert said(deployment.once("migrate")).count("confidence") >= 1
    assert deployment.ailing("loader") == {"source fred"}  # whose key only a user has


def test_the_image_is_small_whole_and_labelled(deployment: Deployment) -> None:
    [image] = json.loads(said(docker("image", "inspect", deployment.images[-1])))
    assert image["Size"] < IMAGE_BYTES
    assert image["Config"]["User"] == "10001:10001"
    labels = image["Config"]["Labels"]
    assert {"title", "version", "revision", "licenses"} <= {
        name.removeprefix("org.opencontainers.image.") for name in labels
    }
    deployment.inside("api", "python", "-c", EVERY_MODULE)


def test_a_stop_is_clean(deployment: Deployment) -> None:
    deployment.compose("stop", *SERVICES)
    ended = deployment.containers(*SERVICES)
    assert [each["Name"] for each in ended if each["State"]["ExitCode"]] == []
