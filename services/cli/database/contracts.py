"""The generated contracts: printed, applied to the live database and compared with it."""

import asyncio
import sys

from services.cli.database.store import open_store
from services.cli.output import document, listing, say
from services.cli.session import find_up
from services.cli.sources.catalogue import find_dataset
from shared.database import ddl
from shared.database.factory import create_database
from shared.database.postgres.logins import login_statement
from shared.database.roles import API, LOADER, PROCESSOR
from shared.errors import EX_FAILED, EX_OK
from shared.kafka import connect, declared_topics, ensure_topics, list_partitions
from shared.registry import discover
from shared.settings import Settings

_DIALECTS = {dialect.name: dialect for dialect in (ddl.POSTGRESQL, ddl.DUCKDB)}


def print_sql(name: str | None, backend: str) -> None:
    """Print the DDL of one dataset and the bookkeeping beside it, or of all."""
    datasets = discover() if name is None else [find_dataset(name)]
    sys.stdout.write(ddl.script(datasets, _DIALECTS[backend]))


def print_json(name: str | None) -> None:
    """Print the JSON Schema of one dataset, or an object of all by name."""
    if name is not None:
        document(find_dataset(name).json_schema())
    else:
        document({dataset.name: dataset.json_schema() for dataset in discover()})


async def apply(settings: Settings) -> None:
    """Apply the schema to the database, then make the topics where a broker is known.

    Raises ConfigError where a table could only be made to fit by dropping or narrowing.
    """
    registry = discover()
    async with open_store(settings, command="schema", create=True) as store:
        done = await store.apply_schema(registry)
    for line in done:
        say(f"{settings.database_backend}: {line}")
    if not done:
        say(f"{settings.database_backend}: nothing to do")
    await _let_in(settings)
    await _make_topics(settings)


async def _let_in(settings: Settings) -> None:
    """Let those roles of PostgreSQL log in whose passwords are set."""
    given = {
        LOADER: settings.postgres_loader_password,
        PROCESSOR: settings.postgres_processor_password,
        API: settings.postgres_api_password,
    }
    wanted = {role: password for role, password in given.items() if password is not None}
    if settings.database_backend != "postgresql" or not wanted:
        return
    database = create_database(settings, application="econstream-schema")
    try:
        await database.open()
        for role, password in wanted.items():
            await database.execute(login_statement(role, password))
            say(f"postgresql: {role} logs in with its password")
    finally:
        await database.close()


async def _make_topics(settings: Settings) -> None:
    running = await asyncio.to_thread(find_up, settings)
    servers = settings.kafka_bootstrap_servers or (running and running.kafka_bootstrap_servers)
    if not servers:
        say("topics: no broker is known, so none were made; every service makes those it needs")
        return
    cluster = await connect(settings.model_copy(update={"kafka_bootstrap_servers": servers}))
    specs = declared_topics(settings, discover())
    there = await list_partitions(cluster, [spec.name for spec in specs])
    made = await ensure_topics(cluster, specs)
    for name, partitions in made.items():
        if name not in there:
            say(f"topics: made {name} with {partitions} partitions")
    if made.keys() <= there.keys():
        say("topics: nothing to do")


async def check(settings: Settings, *, as_json: bool) -> int:
    """Print each difference between declarations and live tables; 1 where there are any."""
    async with open_store(settings, command="schema") as store:
        differences = await store.check_schema(discover())
    if as_json or differences:
        listing(["difference"], [[line] for line in differences], as_json=as_json)
    else:
        say(f"{settings.database_backend}: the live tables are as declared")
    return EX_FAILED if differences else EX_OK
