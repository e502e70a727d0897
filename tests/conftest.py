"""The services that tests run against, found once a run, and the line that says which."""

import logging
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest
import structlog

from shared.kafka import Cluster, connect
from shared.settings import Settings
from tests.services import brokers, databases
from tests.services.databases import PostgresServer, fresh_database
from tests.services.kafka.node import KafkaNode
from tests.services.search import Service, UnavailableError, Way, find

_USED = pytest.StashKey[dict[str, str]]()
_LACKING = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--keep-images", action="store_true", help="write the screenshots of docs/images anew"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_USED] = {}
    config.stash[_LACKING] = {}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Have a process that runs a part of the tests tell what it used."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["used"] = session.config.stash[_USED]
        output["lacking"] = session.config.stash[_LACKING]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Note what such a process used, where it came to its end."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[_USED].update(output.get("used", {}))
    node.config.stash[_LACKING].update(output.get("lacking", {}))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    used, lacking = config.stash[_USED], config.stash[_LACKING]
    said = [f"{what}: {used.get(what, 'needed by no test')}" for what in ("broker", "database")]
    missed = "; ".join(f"{what} ({why})" for what, why in lacking.items()) or "nothing"
    terminalreporter.write_line(f"services: {'; '.join(said)}; not run for real: {missed}")


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture(scope="session")
def pass_over(request: pytest.FixtureRequest) -> Callable[[str, str], NoReturn]:
    """Skip what some machines forbid, even where all else is required; the closing line tells."""

    def skip(what: str, why: str) -> NoReturn:
        request.config.stash[_LACKING][what] = why
        pytest.skip(f"no {what} here: {why}")

    return skip


@pytest.fixture(scope="session")
def do_without(request: pytest.FixtureRequest) -> Callable[[str, str], NoReturn]:
    """Skip what cannot run for real here, or fail where it is required."""

    def skip(what: str, why: str) -> NoReturn:
        _lacks(request.config, what, why)
        pytest.skip(f"no {what} here: {why}")

    return skip


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Keep the log as one test sets it up out of the next."""
    structlog.reset_defaults()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[Service]:
    """The best Kafka there is: `address`, `real` (Apache Kafka), `description`."""
    with ExitStack() as closing:
        found = _found(request.config, "broker", brokers.WAYS, closing)
        if not found.real:
            _lacks(request.config, "Apache Kafka", "; ".join(found.passed_over))
        yield found


@pytest.fixture(scope="session")
def embedded_kafka() -> Iterator[Service]:
    """The embedded broker, one for the run."""
    with ExitStack() as closing:
        try:
            found = brokers.from_embedded(closing)
        except UnavailableError as exc:
            pytest.skip(str(exc))
        yield found


@pytest.fixture(params=["apache", "embedded"])
def each_kafka(request: pytest.FixtureRequest) -> Service:
    """Both brokers in turn, Apache Kafka and the embedded one."""
    if request.param == "embedded":
        return request.getfixturevalue("embedded_kafka")  # type: ignore[no-any-return]
    found: Service = request.getfixturevalue("kafka")
    if not found.real:
        pytest.skip("no Apache Kafka here; the closing line says why")
    return found


@pytest.fixture
def topic_prefix() -> str:
    """A prefix of this test's own, for topics and groups."""
    return f"test-{uuid.uuid4().hex[:12]}."


@pytest.fixture
def kafka_settings(kafka: Service, topic_prefix: str) -> Settings:
    """Settings that lead to the best Kafka there is, with topics of this test's own."""
    return Settings(kafka_bootstrap_servers=kafka.address, kafka_topic_prefix=topic_prefix)


@pytest.fixture
async def cluster(kafka_settings: Settings) -> Cluster:
    """The best Kafka there is, asked what it can do."""
    return await connect(kafka_settings)


@pytest.fixture
async def each_cluster(each_kafka: Service) -> Cluster:
    """Both brokers in turn, asked what they can do."""
    return await connect(Settings(kafka_bootstrap_servers=each_kafka.address))


@pytest.fixture
def kafka_node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KafkaNode]:
    """An Apache Kafka of this test's own, to be killed and started again."""
    try:
        node = KafkaNode(tmp_path)
    except UnavailableError as exc:
        _lacks(request.config, "an Apache Kafka to kill", str(exc))
        pytest.skip(f"no Apache Kafka to kill here: {exc}")
    yield node
    node.kill()


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[Service]:
    """A PostgreSQL whose user may create databases; `address` is its URL."""
    with ExitStack() as closing:
        yield _found(request.config, "database", databases.WAYS, closing)


@pytest.fixture
async def postgres_url(postgres_server: Service) -> AsyncIterator[str]:
    """The URL of an empty database of this test's own."""
    async with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
def postgres_node(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A PostgreSQL of this test's own, to be stopped at once and started again."""
    with tempfile.TemporaryDirectory(prefix="econstream-postgres-") as folder:
        try:
            server = PostgresServer(Path(folder))
        except UnavailableError as exc:
            _lacks(request.config, "a PostgreSQL to kill", str(exc))
            pytest.skip(f"no PostgreSQL to kill here: {exc}")
        yield server
        server.stop()


def _found(
    config: pytest.Config, what: str, ways: tuple[tuple[str, Way], ...], closing: ExitStack
) -> Service:
    try:
        found = find(ways, closing)
    except UnavailableError as exc:
        _lacks(config, what, str(exc))
        pytest.skip(f"no {what} here: {exc}")
    config.stash[_USED][what] = str(found)
    return found


def _lacks(config: pytest.Config, what: str, why: str) -> None:
    """Note what cannot be run for real; where it is required, that is a failure."""
    config.stash[_LACKING][what] = why
    if os.environ.get("REQUIRE_REAL_SERVICES") == "1":
        pytest.fail(f"REQUIRE_REAL_SERVICES=1, but there is no {what}: {why}", pytrace=False)
