"""One run of the harness: a topic, a database, producers, loaders, faults, and the verdict."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from shared.kafka import Cluster, TopicSpec, connect, declared_topics, ensure_topics
from shared.kafka.topics import delete_topics
from shared.registry import discover
from shared.settings import Settings
from tests.faults.harness.broker import Group, open_group, read_topic
from tests.faults.harness.feeding import EVERYTHING, Crc32Producer, Feeder, open_producer
from tests.faults.harness.gate import Gate
from tests.faults.harness.invariants import Broken, Evidence, judge
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.loaders import Launcher, LoaderProcess
from tests.faults.harness.store import Store
from tests.waiting import until

PARTITIONS = 4
HEAL_WITHIN_S = 90.0


class Scenario:
    """What a test strikes its faults in; `struck` counts those that disturbed work."""

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        group: Group,
        launcher: Launcher,
        folder: Path,
        seed: int,
        mutants: Sequence[str] = (),
    ) -> None:
        self.settings = settings
        self.cluster = cluster
        self.group = group
        self.seed = seed
        self.chance = random.Random(seed)
        self.topic = f"{settings.kafka_topic_prefix}yfinance_ohlcv"
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.store = Store(settings, self.topic)
        self.struck = 0
        self._run = uuid.uuid4().hex[:8]
        self._launcher = launcher
        self._folder = folder
        self._mutants = mutants
        self._feeders = 0
        self._loaders: list[LoaderProcess] = []

    def feeder(self, mix: Mapping[str, int] = EVERYTHING) -> Feeder:
        """Return one more producer's hand; two of them write the same keys."""
        self._feeders += 1
        chance = random.Random(self.chance.random())
        return Feeder(self._run, self._feeders, self.topic, self.ledger, chance, mix)

    @asynccontextmanager
    async def feeding(
        self, mix: Mapping[str, int] = EVERYTHING, *, crc32: bool = False, every: float = 0.05
    ) -> AsyncIterator[None]:
        """Let a producer publish all the time beside the block."""
        stop = asyncio.Event()
        producer = Crc32Producer(self.cluster) if crc32 else open_producer(self.cluster)
        async with producer, asyncio.TaskGroup() as tasks:
            tasks.create_task(self.feeder(mix).keep_feeding(producer, stop, every=every))
            try:
                yield
            finally:
                stop.set()

    async def feed(self, feeder: Feeder, count: int) -> None:
        """Publish so many records."""
        async with open_producer(self.cluster) as producer:
            await feeder.feed(producer, count)

    def start_loader(self, gate: Gate | None = None, *arguments: str) -> LoaderProcess:
        """Start one more loader of the group, through a gate if one is given."""
        settings = self.settings
        if gate is not None:
            settings = settings.model_copy(update={"database_url": SecretStr(gate.url)})
        log = self._folder / f"loader-{len(self._loaders)}.log"
        loader = self._launcher.start(settings, log, arguments, self._mutants)
        self._loaders.append(loader)
        return loader

    @property
    def url(self) -> str:
        """Where PostgreSQL is."""
        assert self.settings.database_url is not None
        return self.settings.database_url.get_secret_value()

    def move_to(self, url: str) -> None:
        """Have loaders that start from now on reach the database by another URL."""
        self.settings = self.settings.model_copy(update={"database_url": SecretStr(url)})

    async def lag(self) -> int:
        """Return how many records were sent and are not stored, at the least."""
        return self.ledger.sent_count - (await self.store.progress() or 0)

    def strikes(self, count: int, longest: float) -> Iterator[float]:
        """Yield how long work goes on before a fault, until so many met work.

        One that met none is struck once more, sooner: how soon work is done depends on the
        machine. Gives up after four times as many.
        """
        for _ in range(4 * count):
            if self.struck >= count:
                return
            before = self.struck
            yield self.chance.uniform(0, longest)
            longest = longest if self.struck > before else longest / 2

    async def strike(self) -> None:
        """Wait until there is work to disturb, and count the fault that the caller strikes then.

        Records come without end meanwhile, so that it disturbs those that follow, too.
        """
        await until(self._has_work, within=30, every=0)
        self.struck += 1

    async def _has_work(self) -> bool:
        return await self.lag() > 0

    async def note_strike(self) -> None:
        """Count a fault that was struck, if work was left undone by it."""
        self.struck += await self.lag() > 0

    async def bury(self, loader: LoaderProcess) -> None:
        """Kill a loader with -9, the only one, and have the group forget it at once."""
        await loader.kill()
        await self.group.dismiss(await self.group.members())

    async def heal(self, within: float = HEAL_WITHIN_S) -> None:
        """Load what is left to the end, by one more loader."""
        loader = self.start_loader(None, "--until-caught-up")
        assert await loader.ended(within) == 0, loader.said

    async def findings(self) -> list[Broken]:
        """Return the invariants that do not hold."""
        return judge(await self.evidence())

    async def evidence(self) -> Evidence:
        """Ask all witnesses."""
        entries, fates = self.ledger.read()
        return Evidence(
            entries,
            fates,
            await read_topic(self.cluster, self.topic),
            await self.store.versions(),
            await self.store.letters(),
            await self.store.consumed(),
            await self.store.went_back(),
        )

    async def verify(self, *, records: int, struck: int) -> None:
        """Fail unless every invariant holds after enough work and enough faults that met it."""
        evidence = await self.evidence()
        broken = judge(evidence)
        said = "\n".join(f"{b.invariant}: {b.what}" for b in broken[:10])
        assert not broken, f"{len(broken)} findings, --seed {self.seed}:\n{said}"
        count = sum(map(len, evidence.topic.values()))
        assert count >= records, f"only {count} records, --seed {self.seed}"
        assert evidence.letters, "no record was broken: too little was tested"
        assert self.struck >= struck, f"only {self.struck} faults met work, --seed {self.seed}"

    async def close(self) -> None:
        """End what still runs and remove the topics."""
        for loader in self._loaders:
            await loader.clear_away()
        topics = [spec.name for spec in declared_topics(self.settings, discover())]
        await delete_topics(self.cluster, topics)


@asynccontextmanager
async def open_scenario(
    settings: Settings,
    launcher: Launcher,
    folder: Path,
    seed: int,
    *,
    mutants: Sequence[str] = (),
) -> AsyncIterator[Scenario]:
    """Make topic and database ready for a run; print its seed, clear away in the end."""
    print(f"--seed {seed}")
    cluster = await connect(settings)
    async with open_group(cluster.bootstrap_servers, settings.loader_group_id) as group:
        scenario = Scenario(settings, cluster, group, launcher, folder, seed, mutants)
        await ensure_topics(cluster, [TopicSpec(scenario.topic, PARTITIONS)])
        await ensure_topics(cluster, declared_topics(settings, discover()))
        await scenario.store.prepare()
        try:
            yield scenario
        finally:
            await scenario.close()


async def advanced(scenario: Scenario, by: int, within: float = 30.0) -> None:
    """Wait until so many more records are stored."""
    begin = await scenario.store.progress() or 0

    async def is_further() -> bool:
        return (await scenario.store.progress() or 0) >= begin + by

    await until(is_further, within)
