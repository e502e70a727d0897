"""The stored offsets beside the broker's: shown, and reset to another place."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import typer

from services.cli.database.store import Store, open_store, rows_of
from services.cli.output import listing, say
from services.cli.session import begin, wait_for
from services.cli.sources.catalogue import find_dataset
from services.loader.quarantine import OPEN_LETTERS, WINDOW, allowed
from shared.control import join_broker
from shared.database.base import Position, Reader
from shared.dataset import Dataset
from shared.errors import Fatal
from shared.kafka import Cluster, TopicPartition, Watermarks, connect
from shared.record import decode_time
from shared.registry import discover
from shared.settings import Settings

_SHOWN = (
    *("dataset", "topic", "partition", "epoch"),
    *("stored_offset", "begin_offset", "end_offset", "lag", "state"),
)
_RESET = ("topic", "partition", "from_offset", "to_offset", "epoch", "passed_over", "read_again")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY = len("2024-10-30")


@dataclass(frozen=True, slots=True)
class Place:
    """One partition as the broker and the store have it; `letters` are open and recent."""

    dataset: Dataset
    tp: TopicPartition
    begin: int
    end: int
    stored: Position | None
    letters: int

    @property
    def lag(self) -> int:
        """How many offsets are not stored yet."""
        return max(self.end - (self.stored.next_offset if self.stored else self.begin), 0)

    def state(self, limit: float) -> str:
        """Return what a loader makes of it, in a word or two."""
        if self.stored is None:
            return "not read yet" if self.lag else "empty"
        at = self.stored.next_offset
        if at < self.begin:
            return f"paused: records {at} to {self.begin - 1} are gone, reset it"
        if at > self.end:
            return "paused: the topic was made anew, reset it"
        if self.letters > allowed(limit) and self.lag:
            return f"paused: {self.letters} of its last {WINDOW} records are dead letters"
        return "behind" if self.lag else "caught up"


def run_show(name: str | None, *, as_json: bool) -> NoReturn:
    """Print a line for each partition."""
    settings = join_broker(begin("offsets"))
    datasets = [find_dataset(name)] if name else list(discover())

    async def show() -> None:
        cluster = await connect(settings)
        async with open_store(settings, command="offsets") as store:
            places = await _look(settings, cluster, store, datasets)
        limit = settings.loader_dead_letter_limit
        rows = [
            (
                *(place.dataset.name, *place.tp, place.stored and place.stored.epoch),
                *(place.stored and place.stored.next_offset, place.begin, place.end, place.lag),
                place.state(limit),
            )
            for place in places
        ]
        listing(_SHOWN, rows, as_json=as_json)

    wait_for(show)


def run_reset(
    name: str, to: str, partition: int | None, *, dry_run: bool, as_json: bool
) -> NoReturn:
    """Move the stored offsets of a dataset's partitions, or say what that would do."""
    dataset = find_dataset(name)
    moment = None if to in ("earliest", "latest") or to.isdigit() else _read_moment(to)
    settings = join_broker(begin("offsets"))

    async def reset() -> None:
        cluster = await connect(settings)
        reader = Reader(cluster.cluster_id, settings.loader_group_id)
        async with open_store(settings, command="offsets") as store:
            places = await _look(settings, cluster, store, [dataset])
            chosen = _choose(places, dataset, partition, to)
            targets = await _targets(cluster, chosen, to, moment)
            found = {} if dry_run else await _apply(store, reader, targets)
        rows = [_moved(place, targets[place.tp], found.get(place.tp)) for place in chosen]
        listing(_RESET, rows, as_json=as_json)
        if dry_run and not as_json:
            say("nothing was changed (--dry-run)")

    wait_for(reset)


async def _apply(
    store: Store, reader: Reader, targets: dict[TopicPartition, int]
) -> dict[TopicPartition, Position]:
    wanted = [(*tp, offset) for tp, offset in targets.items()]
    found = await store.reset_offsets(reader, wanted)
    return {TopicPartition(each.topic, each.partition): each for each in found}


async def _look(
    settings: Settings, cluster: Cluster, store: Store, datasets: Sequence[Dataset]
) -> list[Place]:
    by_topic = {dataset.topic(settings.kafka_topic_prefix): dataset for dataset in datasets}
    reader = Reader(cluster.cluster_id, settings.loader_group_id)
    stored = {TopicPartition(p.topic, p.partition): p for p in await store.positions(reader)}
    open_letters = await rows_of(store, OPEN_LETTERS, [*_identity(reader), WINDOW])
    async with Watermarks(cluster) as watermarks:
        partitions = await watermarks.partitions(by_topic)
        begins = dict.fromkeys(partitions, 0)
        if cluster.list_offsets:
            begins = await watermarks.beginning_offsets(partitions)
        ends = await watermarks.end_offsets(partitions)
    return [
        Place(
            by_topic[tp.topic], tp, begins[tp], ends[tp], stored.get(tp),
            sum((row["topic"], row["partition"]) == tp for row in open_letters),
        )
        for tp in partitions
    ]  # fmt: skip


def _identity(reader: Reader) -> tuple[str, str]:
    return reader.cluster_id, reader.group_id


def _choose(
    places: Sequence[Place], dataset: Dataset, partition: int | None, to: str
) -> list[Place]:
    """Return the partitions that are meant; raises Fatal where there are none."""
    chosen = [place for place in places if partition in (None, place.tp.partition)]
    if not chosen:
        which = "no topic yet" if partition is None else f"no partition {partition}"
        raise Fatal(f"{dataset.name} has {which}: `econstream offsets show {dataset.name}`")
    if to.isdigit():
        if len(chosen) > 1:
            raise Fatal("an offset is of one partition: name it with --partition")
        (place,) = chosen
        if not place.begin <= int(to) <= place.end:
            raise Fatal(
                f"{place.tp.topic}[{place.tp.partition}] holds offsets {place.begin} to "
                f"{place.end}, and {to} is none of them"
            )
    return chosen


async def _targets(
    cluster: Cluster, places: Sequence[Place], to: str, moment: dt.datetime | None
) -> dict[TopicPartition, int]:
    if moment is not None:
        milliseconds = -((_EPOCH - moment) // dt.timedelta(milliseconds=1))
        async with Watermarks(cluster) as watermarks:
            return await watermarks.offsets_at(dict.fromkeys((p.tp for p in places), milliseconds))
    named = {"earliest": [p.begin for p in places], "latest": [p.end for p in places]}
    offsets = named.get(to) or [int(to)]
    return dict(zip((place.tp for place in places), offsets, strict=True))


def _moved(place: Place, target: int, reset: Position | None) -> tuple[Any, ...]:
    at = place.stored.next_offset if place.stored else None
    since = place.begin if at is None else at
    epoch = reset.epoch if reset else (place.stored.epoch if place.stored else 0) + 1
    passed_over = max(min(target, place.end) - max(since, place.begin), 0)
    return (*place.tp, at, target, epoch, passed_over, max(min(since, place.end) - target, 0))


def _read_moment(text: str) -> dt.datetime:
    """Return the moment meant by `--to`, a day's first; wrong usage where it is none."""
    try:
        return decode_time(f"{text}T00:00:00Z" if len(text) == _DAY else text)
    except (ValueError, OverflowError) as exc:
        raise typer.BadParameter(
            f"--to {text!r} is neither earliest nor latest, nor an offset, a day (2026-01-31) or a "
            "moment with its zone (2026-01-31T12:30:00Z)"
        ) from exc
