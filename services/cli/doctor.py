"""The command `doctor`: one check for each thing that has to be right, and what to do if not."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from services.cli.access.key_desk import open_desk
from services.cli.database.store import closing, open_store
from services.cli.output import listing
from services.cli.pipeline.demo import samples_folder
from services.cli.session import begin, find_up, holds_database
from services.fetcher.archive.folder import Archive
from services.fetcher.registry import discover as discover_sources
from services.fetcher.source import Source
from services.fetcher.watchlist.file import read_watchlist
from shared.control import Running
from shared.embedded import find_binary
from shared.errors import EX_FAILED, EX_OK, ConfigError, EconstreamError
from shared.kafka import Cluster, connect, declared_topics, list_partitions
from shared.pepper import FILE_NAME as PEPPER_FILE
from shared.pepper import check_pepper, find_pepper
from shared.registry import discover
from shared.settings import Settings

FREE_BYTES = 1 << 30

Status = Literal["ok", "skipped", "failed"]


class _Skipped(Exception):
    """There is nothing to check; the text says why."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What the checks look at; `running` is an `up` that lives, `servers` the broker to use."""

    settings: Settings
    running: Running | None

    @property
    def servers(self) -> str | None:
        return self.settings.kafka_bootstrap_servers or (
            self.running.kafka_bootstrap_servers if self.running else None
        )


Check = Callable[[Patient], Awaitable[str]]
"""Returns what is well; raises an EconstreamError that says what is not, and what to do."""


async def examine(*, as_json: bool) -> int:
    """Run all checks, print a line for each, and return the exit status."""
    rows = [row async for row in _results()]
    listing(("check", "status", "detail"), rows, as_json=as_json)
    return EX_FAILED if any(status == "failed" for _, status, _ in rows) else EX_OK


async def _results() -> AsyncIterator[tuple[str, Status, str]]:
    try:
        settings = begin("doctor", least="ERROR")
        patient = Patient(settings, await asyncio.to_thread(find_up, settings))
    except EconstreamError as exc:
        yield "settings", "failed", str(exc)
        return
    yield "settings", "ok", f"database {settings.database_backend}, data in {settings.data_dir}"
    for name, check in CHECKS.items():
        yield name, *await _result(check, patient)
    for source in discover_sources():
        yield f"source {source.name}", *await _result(_source_check(source), patient)


async def _result(check: Check, patient: Patient) -> tuple[Status, str]:
    try:
        return "ok", await check(patient)
    except _Skipped as exc:
        return "skipped", str(exc)
    except EconstreamError as exc:
        return "failed", str(exc)


async def _up(patient: Patient) -> str:
    running = patient.running
    if running is None:
        raise _Skipped(f"no `econstream up` runs on {patient.settings.data_dir}")
    return f"runs as process {running.pid}, API {running.api_url or 'not served'}"


async def _broker(patient: Patient) -> str:
    if patient.servers is None:
        find_binary()
        raise _Skipped(
            "KAFKA_BOOTSTRAP_SERVERS is not set; `econstream up` brings the embedded broker along"
        )
    cluster = await _connect(patient)
    kind = "embedded broker" if cluster.embedded else "Kafka"
    return f"{kind} at {patient.servers}, cluster {cluster.cluster_id}"


async def _topics(patient: Patient) -> str:
    if patient.servers is None:
        raise _Skipped("no broker to ask")
    specs = declared_topics(patient.settings, discover())
    there = await list_partitions(await _connect(patient), [spec.name for spec in specs])
    missing = [spec.name for spec in specs if spec.name not in there]
    if missing:
        raise ConfigError(f"missing: {', '.join(missing)}; `econstream schema apply` makes them")
    fewer = [spec.name for spec in specs if there[spec.name] < spec.partitions]
    note = f"; fewer partitions than declared, used as they are: {', '.join(fewer)}"
    return f"{len(there)} topics{note if fewer else ''}"


async def _database(patient: Patient) -> str:
    _need_database(patient)
    async with (
        open_store(patient.settings, command="doctor") as store,
        closing(store.stream("SELECT 1")) as batches,
    ):
        await anext(batches)
    return f"{patient.settings.database_backend} answers"


async def _schema(patient: Patient) -> str:
    _need_database(patient)
    async with open_store(patient.settings, command="doctor") as store:
        differences = await store.check_schema(discover())
    if differences:
        more = f" and {len(differences) - 1} more" if len(differences) > 1 else ""
        raise ConfigError(
            f"{differences[0]}{more}: `econstream schema check` lists them, `schema apply` "
            "creates what is missing"
        )
    return "the live tables are as declared"


async def _pepper(patient: Patient) -> str:
    settings = patient.settings
    check_pepper(settings)
    made = settings.data_dir / PEPPER_FILE
    if settings.api_key_pepper is None and not made.exists():
        raise _Skipped(f"the first key makes {made}")
    where = f"{made}" if settings.api_key_pepper is None else "API_KEY_PEPPER"
    pepper = await asyncio.to_thread(find_pepper, settings)
    _need_database(patient)
    async with open_desk(settings) as desk:
        keys = [key for key in await desk.listed() if key["state"] == "active"]
    foreign = [str(key["id"]) for key in keys if key["pepper"] != pepper.name]
    if foreign:
        raise ConfigError(
            f"{len(foreign)} of {len(keys)} keys open nothing, as they were made with another "
            f"pepper than {where} ({', '.join(foreign[:3])}): set the one that they were made "
            "with, or `econstream keys revoke` them and make others"
        )
    return f"{where}, and {len(keys)} keys are made with it"


async def _samples(_patient: Patient) -> str:
    try:
        entries, faults = await asyncio.to_thread(Archive(samples_folder()).entries)
    except ConfigError as exc:
        raise _Skipped(str(exc)) from exc
    if faults:
        raise ConfigError(f"{'; '.join(faults)}: check the folder out again")
    return f"{len(entries)} recorded answers for the demo"


async def _disk(patient: Patient) -> str:
    settings = patient.settings
    folder = settings.data_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        if settings.database_backend == "postgresql" and settings.kafka_bootstrap_servers:
            raise _Skipped(f"{folder} cannot be written, and need not: all is kept elsewhere")
        raise ConfigError(f"{folder} cannot be written: set DATA_DIR to a folder of yours")
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise ConfigError(f"{free >> 20} MB are free in {folder}: make room or set DATA_DIR")
    return f"{free >> 30} GB free in {folder}"


async def _port(patient: Patient) -> str:
    settings, running = patient.settings, patient.running
    if running is not None and running.api_url is not None:
        return f"the API listens at {running.api_url}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.api_host, settings.api_port))
        except OSError as exc:
            raise ConfigError(
                f"{settings.api_host}:{settings.api_port} cannot be had ({exc.strerror}): set "
                "API_PORT to another, or stop what listens there"
            ) from exc
    return f"{settings.api_host}:{settings.api_port} is free for the API"


CHECKS: dict[str, Check] = {
    "up": _up,
    "broker": _broker,
    "topics": _topics,
    "database": _database,
    "schema": _schema,
    "pepper": _pepper,
    "disk": _disk,
    "api port": _port,
    "samples": _samples,
}


def _source_check(source: Source) -> Check:
    async def check(patient: Patient) -> str:
        settings = patient.settings
        wanted = settings.fetch_sources
        if wanted and source.name not in {name.lower() for name in wanted}:
            raise _Skipped("not among FETCH_SOURCES")
        watchlist = read_watchlist(settings.watchlist)
        requests = source.configured(watchlist).requests(watchlist, settings, None)
        listed = settings.watchlist if settings.watchlist.exists() else "the list that ships"
        return f"{len(requests)} requests for {listed}"

    return check


async def _connect(patient: Patient) -> Cluster:
    update = {"kafka_bootstrap_servers": patient.servers}
    return await connect(patient.settings.model_copy(update=update))


def _need_database(patient: Patient) -> None:
    """Skip where looking would make the DuckDB file that does not exist yet."""
    settings = patient.settings
    if settings.database_backend != "duckdb" or holds_database(settings, patient.running):
        return
    if not Path(settings.duckdb_path).exists():
        raise _Skipped(f"{settings.duckdb_path} does not exist yet; `econstream up` makes it")
