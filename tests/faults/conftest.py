"""Where faults are struck: scenarios on services of their own, and how often and how long."""

import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.settings import Settings
from tests.faults.harness.loaders import Launcher
from tests.faults.harness.scenario import Scenario, open_scenario
from tests.services.databases import fresh_database
from tests.services.search import Service
from tests.strategies.depth import LONG

NewScenario = Callable[..., AbstractAsyncContextManager[Scenario]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Known only where this folder is named on the command line, as `make faults` does."""
    group = parser.getgroup("faults")
    group.addoption("--rounds", type=int, help="how often each fault is struck")
    group.addoption("--seed", type=int, help="repeat the random choices of an earlier run")
    group.addoption("--minutes", type=float, help="how long the soak lasts")


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """Starts loaders."""
    with Launcher() as started:
        yield started


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What all random choices of the test come from."""
    given: int | None = request.config.getoption("--seed", None)
    return random.randrange(1 << 32) if given is None else given


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """Return how often to strike: the quick count, the long one with TEST_LONG=1, or --rounds."""
    given: int | None = request.config.getoption("--rounds", None)
    return lambda quick, long: given or (long if LONG else quick)


@pytest.fixture
def new_scenario(
    launcher: Launcher,
    kafka: Service,
    postgres_server: Service,
    topic_prefix: str,
    seed: int,
    tmp_path: Path,
) -> NewScenario:
    """Opens a scenario on the shared services, unless `broker` or `url` name others."""
    if not kafka.real:
        pytest.skip("no Apache Kafka here; the closing line says why")

    @asynccontextmanager
    async def scenario(
        backend: str = "postgresql",
        *,
        broker: str = "",
        url: str = "",
        mutants: Sequence[str] = (),
        **chosen: Any,
    ) -> AsyncIterator[Scenario]:
        async with fresh_database(postgres_server) as fresh:
            settings = Settings(
                kafka_bootstrap_servers=broker or kafka.address,
                kafka_topic_prefix=topic_prefix,
                kafka_topic_partitions=1,  # of the topics that stay empty
                database_backend=backend,
                database_url=url or fresh,
                duckdb_path=tmp_path / "faults.duckdb",
                data_dir=tmp_path,
                loader_group_id=f"{topic_prefix}loaders",
                **{"loader_batch_rows": 500, "loader_dead_letter_limit": 1} | chosen,
            )
            async with open_scenario(settings, launcher, tmp_path, seed, mutants=mutants) as made:
                yield made

    return scenario
