"""A worker of a group that shares out partitions, inside whatever event loop runs."""
# ruff: noqa: SLF001 - there is no public way

import asyncio
import warnings
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import faust
from faust.streams import _current_event

from services.processor.progress import Handled
from services.processor.stream.consumer import Consumer
from shared.errors import Fatal, Transient
from shared.kafka import Cluster, TopicPartition, partition_for
from shared.lifecycle import pause
from shared.messages import Messages
from shared.observability import get_logger
from shared.record import Record

BATCH_RECORDS = 5_000
BATCH_SECONDS = 0.1
_RETRY_SECONDS = 0.5
_STOP_SECONDS = 8.0
_log = get_logger(__name__)

Handler = Callable[[Messages], Awaitable[None]]
"""Does all there is to do about records of one topic; done twice, it must be done once."""


class Stream:
    """One worker of a group; offsets are committed only when a batch was handled whole.

    What a handler has published and awaited is acknowledged then, and what it has set in a
    table is acknowledged in its changelog, before offsets are committed: so a crash repeats
    records and loses none.
    """

    def __init__(
        self,
        cluster: Cluster,
        group_id: str,
        partitions: int,
        *,
        store: str,
        folder: Path,
        handled: Handled,
    ) -> None:
        self._handled = handled
        self.partitions = partitions
        # Faust makes its folder at the start, and not those around it.
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._app = _create_app(cluster, group_id, partitions, store, folder)
        self._topics: set[str] = set()
        self._stop = asyncio.Event()
        self._failure: asyncio.Future[None] | None = None

    def table(self, name: str) -> Any:
        """Return a table of bytes by key, partitioned as the topics of its keys are."""
        table: Any = self._app.Table(
            name, key_type=bytes, value_type=bytes, partitions=self.partitions
        )
        assert table.changelog_topic_name == changelog(self._app.conf.id, name)
        return table

    def consume(self, topics: Sequence[str], handler: Handler) -> None:
        """Hand a group's records of topics to a handler, a batch of one topic at a time."""
        self._topics.update(topics)
        channel = self._app.topic(
            *topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )

        async def agent(stream: Any) -> None:
            async for events in stream.take_events(BATCH_RECORDS, within=BATCH_SECONDS):
                await self._handle(events, handler)

        self._app.agent(channel, name=f"{topics[0]}-agent")(agent)

    def changes(self, table: Any, states: Mapping[bytes, bytes]) -> list[Record]:
        """Return states as records of the table's changelog, acknowledged before they are set.

        Faust would send them later, and commit offsets without them where the broker is slow.
        """
        topic = table.changelog_topic_name
        return [Record(topic, key, value) for key, value in states.items()]

    def put(self, table: Any, states: Mapping[bytes, bytes]) -> None:
        """Set the states of keys whose changes are acknowledged."""
        for key, value in states.items():
            # A store on disk takes the partition from the event at hand.
            place = SimpleNamespace(partition=partition_for(key, self.partitions))
            event = _Event(place)
            token = _current_event.set(cast("Any", weakref.ref(event)))
            try:
                table.data[key] = value
            finally:
                _current_event.reset(token)

    def tenure(self, topic: str, partition: int) -> int | None:
        """Return what stays the same while this worker has a partition whole, None otherwise."""
        if not self.ready or partition not in self.assigned(topic):
            return None
        return int(self._app.consumer_generation_id)

    def assigned(self, topic: str) -> frozenset[int]:
        """Return the partitions of a topic that this worker has."""
        with suppress(Exception):
            held = self._app.consumer.assignment()
            return frozenset(tp.partition for tp in held if tp.topic == topic)
        return frozenset()

    @property
    def handled(self) -> int:
        """How many records were handled."""
        return self._handled.records

    def unhandled(self) -> dict[TopicPartition, int]:
        """Return the first offset of each partition that is not handled."""
        found: dict[TopicPartition, int] = {}
        with suppress(Exception):
            ledger = cast("Consumer", self._app.consumer).ledger
            for tp in list(ledger):
                offset = ledger.next(tp)
                if tp.topic in self._topics and offset is not None:
                    found[TopicPartition(tp.topic, tp.partition)] = offset
        return found

    @property
    def ready(self) -> bool:
        """Whether state is recovered and records are handled."""
        return bool(self._app.started and not self._app.rebalancing and self._recovered)

    @property
    def _recovered(self) -> bool:
        return bool(cast("Any", self._app.tables).recovery.completed.is_set())

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; what is in hand is finished or left to be repeated, in 8 seconds.

        Raises what a handler raised and could not be repeated, Fatal where Faust gave up.
        """
        self._stop = stop
        self._failure = asyncio.get_running_loop().create_future()
        starting = asyncio.ensure_future(self._app.start())
        waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._crashed())]
        try:
            # The start returns when state is recovered; what it raises is raised here.
            ends: set[asyncio.Future[Any]] = {*waits, self._failure}
            done, _ = await asyncio.wait({starting, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if starting in done:
                starting.result()
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._failure.done():
                self._failure.result()
            if waits[1].done() and not stop.is_set():
                reason = self._app._crash_reason
                raise Fatal(f"the stream processor gave up: {reason!r}") from reason
        finally:
            for wait in waits:
                wait.cancel()
            await self._end(starting)

    async def _crashed(self) -> None:
        await self._app._crashed.wait()

    async def _end(self, starting: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._app.stop()
        except TimeoutError:
            _log.warning("the_stream_did_not_end", seconds=_STOP_SECONDS)
        starting.cancel()
        with suppress(BaseException):
            await starting

    async def _handle(self, events: Sequence[Any], handler: Handler) -> None:
        # Faust acknowledges a batch however its handling ended; while we hold on, it cannot.
        for event in events:
            event.message.incref()
        try:
            for messages in _by_topic(events):
                await self._persist(messages, handler)
        except Exception as exc:  # noqa: BLE001 - raised by `run`, and these records stay
            # What is in hand never ends now, and Faust must not wait for it.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that this is late
                self._app.conf.stream_wait_empty = False
            if self._failure is not None and not self._failure.done():
                self._failure.set_exception(exc)
            await asyncio.Event().wait()
        cast("Consumer", self._app.consumer).handled(event.message for event in events)
        for event in events:
            event.message.decref()

    async def _persist(self, messages: Messages, handler: Handler) -> None:
        """Handle a batch, again and again while the other side is away."""
        while True:
            try:
                await handler(messages)
                self._handled.note(messages)
                return
            except Transient as exc:
                _log.warning("away", topic=messages.topic, error=str(exc))
            if await pause(self._stop, _RETRY_SECONDS):
                await asyncio.Event().wait()


class _Event:
    """Stands for an event where Faust asks to which partition a key belongs."""

    def __init__(self, message: SimpleNamespace) -> None:
        self.message = message


CHANGELOG_SETTINGS = {"segment.bytes": str(64 * 1024 * 1024), "min.cleanable.dirty.ratio": "0.1"}


def changelog(group_id: str, table: str) -> str:
    """Return the topic of a table's changes, which must be there before a worker starts."""
    return f"{group_id}-{table}-changelog"


def _create_app(
    cluster: Cluster, group_id: str, partitions: int, store: str, folder: Path
) -> faust.App:
    session = cluster.session_timeout_ms / 1000
    servers = cluster.bootstrap_servers.split(",")
    app = faust.App(
        group_id,
        broker=";".join(f"kafka://{server.strip()}" for server in servers),
        broker_credentials=_credentials(cluster),
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 4,
        broker_rebalance_timeout=cluster.rebalance_timeout_ms / 1000,
        broker_commit_interval=0.5,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=5_000,
        producer_compression_type="lz4",
        producer_acks=-1,
        store="rocksdb://?driver=rocksdict" if store == "rocksdb" else "memory://",
        datadir=str(folder),
        topic_partitions=partitions,
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=True,
        stream_buffer_maxsize=2 * BATCH_RECORDS,
        web_enabled=False,
    )
    cast("Any", app.transport).Consumer = Consumer
    return app


def _credentials(cluster: Cluster) -> Any:
    options = cluster.options
    context = options.get("ssl_context")
    if "sasl_mechanism" in options:
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            ssl_context=context,
            mechanism=options["sasl_mechanism"],
        )
    return faust.SSLCredentials(context) if context is not None else None


def _by_topic(events: Sequence[Any]) -> list[Messages]:
    found: dict[str, list[Any]] = {}
    for event in events:
        found.setdefault(event.message.topic, []).append(event.message)
    return [
        Messages.of_columns(
            topic,
            [message.partition for message in messages],
            [message.offset for message in messages],
            [round(message.timestamp * 1000) for message in messages],
            [message.key for message in messages],
            [message.value for message in messages],
            [message.headers or () for message in messages],
        )
        for topic, messages in found.items()
    ]
