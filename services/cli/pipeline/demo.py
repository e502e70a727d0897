"""The command `demo`: recorded answers through the whole pipeline, then what came of them."""

import asyncio
import secrets
from pathlib import Path

import services
from services.cli.output import listing, say
from services.cli.pipeline.answers import ANSWERS, count_all
from services.cli.pipeline.demo_progress import Display, display
from services.cli.pipeline.host import Host, hosting
from services.cli.pipeline.up import addresses
from services.cli.session import demo_path
from services.dashboard.app import accompany
from services.fetcher.app import FetchOrder, run_fetcher
from services.loader.caught_up import CaughtUp
from services.processor.app import READ
from shared.control import claim
from shared.database.base import Reader
from shared.errors import ConfigError, Fatal
from shared.kafka import Watermarks, delete_topics
from shared.lifecycle import Service, pause
from shared.serving import Listening, listening
from shared.settings import Settings

LOOK_SECONDS = 0.2


async def run_demo(settings: Settings, stop: asyncio.Event, *, exit_after: bool) -> None:
    """Replay the samples, print what is stored, and serve the API until `stop`, unless told not to.

    Raises Fatal where another `up` or `demo` lives or a sample cannot be read, ConfigError
    where there is no embedded broker, no samples, or the API's port is taken.
    """
    samples = samples_folder()
    settings = demo_settings(settings)
    with claim(settings.data_dir) as claimed:
        _begin_anew(settings.duckdb_path)
        async with hosting(settings) as host:
            try:
                if exit_after:
                    host.announce(claimed, None)
                    await host.run(_services(host, samples, None), stop)
                else:
                    async with listening(host.api, settings.api_host, settings.api_port) as api:
                        host.announce(claimed, api.address)
                        await host.run(_services(host, samples, api), stop)
            finally:
                claimed.withdraw()
                await _leave_no_topics(host)


def _services(host: Host, samples: Path, api: Listening | None) -> dict[str, Service]:
    """Return what runs side by side; the demo itself ends all where there is no API to serve."""
    shown: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    async def load(stop: asyncio.Event) -> None:
        await host.loader.run(stop)

    async def dashboard(stop: asyncio.Event) -> None:
        if api is not None:
            await accompany(host.settings, api.address, stop, shown.set_result)
        if not shown.done():
            shown.set_result(None)

    async def demo(stop: asyncio.Event) -> None:
        with display(host.loader.progress) as progress:
            await _replay(host, samples, stop, progress)
        if not stop.is_set():
            await _print_answers(host)
        if api is None:
            stop.set()
            return
        if (address := await shown) is not None:
            say(f"Dashboard {address}   (open it in a browser)")
        for line in addresses(host, api.address):
            say(line)
        await api.until(stop)

    return {"loader": load, "processor": host.process, "dashboard": dashboard, "demo": demo}


async def _leave_no_topics(host: Host) -> None:
    """Delete the demo's own topics from a broker that is the user's."""
    if host.broker is None:
        prefix = host.settings.kafka_topic_prefix
        await delete_topics(host.cluster, [dataset.topic(prefix) for dataset in host.registry])


def samples_folder() -> Path:
    """Return the recorded answers that come with the project; raises ConfigError without them."""
    for root in (Path.cwd(), Path(services.__path__[0]).resolve().parent):
        if (root / "samples" / "index.ndjson").is_file():
            return root / "samples"
    raise ConfigError(
        "there is no folder `samples` with recorded answers here: run the demo in the project's "
        "folder, or `econstream up` for live data"
    )


def demo_settings(settings: Settings) -> Settings:
    """Return settings that touch nothing of the user's: a file and, if need be, topics apart."""
    changes: dict[str, object] = {
        "database_backend": "duckdb",
        "duckdb_path": demo_path(settings),
        "fetch_sources": None,
        "fetch_replay_dir": None,
    }
    if settings.kafka_bootstrap_servers:
        apart = f"demo-{secrets.token_hex(4)}"
        changes["kafka_topic_prefix"] = f"{settings.kafka_topic_prefix}{apart}."
        changes["loader_group_id"] = f"{settings.loader_group_id}-{apart}"
    return settings.model_copy(update=changes)


def _begin_anew(path: Path) -> None:
    for stale in (path, path.with_name(f"{path.name}.wal")):
        stale.unlink(missing_ok=True)


async def _replay(host: Host, samples: Path, stop: asyncio.Event, shown: Display) -> None:
    order = FetchOrder(replay_dir=samples)
    report = await run_fetcher(host.settings, order, stop, shown.fetched)
    if report is None or report.exit_status:
        faults = (
            [*report.faults, *(f for run in report.runs for f in run.failures)] if report else []
        )
        raise Fatal(f"{samples} could not be read whole: {'; '.join(faults)}")
    prefix = host.settings.kafka_topic_prefix
    await _until_processed(host, stop, shown)
    topics = [dataset.topic(prefix) for dataset in host.registry]
    reader = Reader(host.cluster.cluster_id, host.settings.loader_group_id)
    async with CaughtUp(host.cluster, host.database, reader, topics) as caught_up:
        while not caught_up.reached and not stop.is_set():
            await caught_up.lag()
            shown.stored()
            await pause(stop, LOOK_SECONDS)


async def _until_processed(host: Host, stop: asyncio.Event, shown: Display) -> None:
    """Wait until what follows from all that was replayed is published too."""
    watermarks = Watermarks(host.cluster)
    try:
        topics = [dataset.topic(host.settings.kafka_topic_prefix) for dataset in READ]
        ends = await watermarks.end_offsets(await watermarks.partitions(topics))
        while host.handled.lag(ends) and not stop.is_set():
            shown.stored()
            await pause(stop, LOOK_SECONDS)
    finally:
        await watermarks.close()


async def _print_answers(host: Host) -> None:
    columns, rows = await count_all(host.database, host.registry)
    say("\nWhat is stored now:")
    listing(columns, rows, as_json=False)
    for answer in ANSWERS:
        table = await host.database.fetch(answer.sql)
        cells = [list(row.values()) for row in table.to_pylist()]
        say(f"\n{answer.question}:")
        listing(table.column_names, cells, as_json=False)
    say("")
