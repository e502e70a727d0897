"""How everything stands: what each source did last, how fresh each dataset is, how far behind."""

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from services.api.catalogue import Catalogue
from services.api.live.records import Records
from services.api.queries import COUNT_OPEN, RECENT_RUNS
from shared.database.base import Database, Position, Reader
from shared.errors import ConfigError, Transient
from shared.kafka import TopicPartition
from shared.observability import get_logger
from shared.record import encode_time
from shared.registry import Registry
from shared.settings import Settings

Entry = dict[str, Any]
_log = get_logger(__name__)


class Status:
    """Puts together what store and broker say; the broker may be away."""

    def __init__(
        self,
        database: Database,
        records: Records,
        catalogue: Catalogue,
        registry: Registry,
        settings: Settings,
    ) -> None:
        self._database = database
        self._records = records
        self._catalogue = catalogue
        self._registry = registry
        self._settings = settings

    async def document(self) -> Entry:
        """Return all of it; raises Transient while the database is away."""
        broker, lags = "ok", {}
        try:
            lags = await self._lags()
        except (Transient, ConfigError) as exc:
            broker = "away"
            _log.warning("broker_away", reason=str(exc))
        runs = await self._rows(RECENT_RUNS)
        letters = await self._rows(COUNT_OPEN)
        datasets = []
        for dataset in self._registry:
            topic = dataset.topic(self._settings.kafka_topic_prefix)
            partitions = [entry for tp, entry in sorted(lags.items()) if tp.topic == topic]
            counted = {r["error_code"]: r["n"] for r in letters if r["dataset"] == dataset.name}
            datasets.append(
                {"name": dataset.name, "cadence": dataset.cadence}
                | await self._catalogue.counts(dataset)
                | {"dead_letters": sum(counted.values()), "dead_letters_by_error": counted}
                | {"lag": sum(max(p["lag"], 0) for p in partitions) if lags else None}
                | {"partitions": partitions}
            )
        return {
            "broker": broker,
            "lag": sum(max(entry["lag"], 0) for entry in lags.values()) if lags else None,
            "sources": sources_of(runs),
            "datasets": datasets,
        }

    async def _rows(self, sql: str) -> list[Entry]:
        timeout_ms = self._settings.api_statement_timeout_ms
        rows: list[Entry] = (await self._database.fetch(sql, timeout_ms=timeout_ms)).to_pylist()
        return rows

    async def _lags(self) -> dict[TopicPartition, Entry]:
        """Return where each partition is stored, where it ends, and what lies between."""
        cluster = await self._records.cluster()
        reader = Reader(cluster.cluster_id, self._settings.loader_group_id)
        topics = [dataset.topic(self._settings.kafka_topic_prefix) for dataset in self._registry]
        # In this order, no end lies before what was stored up to it.
        stored = {
            TopicPartition(p.topic, p.partition): p for p in await self._database.positions(reader)
        }
        async with self._records.ranges() as ranges:
            ends = await ranges.end_offsets(await ranges.partitions(topics))
        return {tp: _partition(tp, end, stored.get(tp)) for tp, end in ends.items()}


def _partition(tp: TopicPartition, end: int, stored: Position | None) -> Entry:
    at = stored.next_offset if stored else 0
    return {
        "partition": tp.partition,
        "epoch": stored.epoch if stored else None,
        "stored_offset": stored.next_offset if stored else None,
        "end_offset": end,
        "lag": end - at,
    }


def sources_of(runs: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Return how each source stands by its last runs, which come newest first.

    `next_refresh` goes by the usual time between them, and is None until there are two.
    """
    found = []
    for (source, dataset), of_one in groupby(runs, lambda r: (r["source"], r["data_type"])):
        each = list(of_one)
        times: list[dt.datetime] = [run["refresh_time"] for run in each]
        gaps = sorted(newer - older for newer, older in pairwise(times))
        due = times[0] + gaps[len(gaps) // 2] if gaps else None
        found.append(
            {
                "source": source,
                "dataset": dataset,
                "last_refresh": encode_time(times[0]),
                "status": each[0]["status"],
                "records": each[0]["records_updated"],
                "error_message": each[0]["error_message"],
                "last_success": next(
                    (encode_time(r["refresh_time"]) for r in each if r["status"] != "failed"), None
                ),
                "next_refresh": due and encode_time(due),
            }
        )
    return found
