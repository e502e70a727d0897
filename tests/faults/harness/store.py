"""What stands in the database, asked of it directly, and a watcher inside it."""

import datetime as dt
from typing import Any

from shared.database.factory import create_database
from shared.errors import Transient
from shared.registry import discover
from shared.settings import Settings
from tests.faults.harness.invariants import Version
from tests.loading import query

MICROSECOND = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_COLUMNS = "ticker, date, as_of, confirmed_as_of, volume, source, kafka_partition, kafka_offset"
_VERSIONS = (
    f"SELECT {_COLUMNS}, true AS current FROM yfinance_ohlcv UNION ALL "
    f"SELECT {_COLUMNS}, false AS current FROM yfinance_ohlcv_revisions"
)
_POSITIONS = (
    "SELECT topic, partition, epoch, next_offset, coalesce(first_offset, 0) AS first_offset "
    "FROM consumer_offsets ORDER BY topic, partition"
)
_NOTE = """CREATE FUNCTION note_going_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO went_back VALUES (OLD::text || ' to ' || NEW::text); RETURN NEW; END $$"""
_WATCH = (
    "CREATE TRIGGER never_back BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({back}) "
    "EXECUTE FUNCTION note_going_back()"
)
_WATCHER = [
    "CREATE TABLE went_back (what text)",
    _NOTE,
    _WATCH.format(table="yfinance_ohlcv", back="NEW.confirmed_as_of < OLD.confirmed_as_of"),
    _WATCH.format(
        table="consumer_offsets",
        back="NEW.epoch <= OLD.epoch AND NEW.next_offset < OLD.next_offset",
    ),
]


class Store:
    """Reads one scenario's database; DuckDB's only while no loader has it open."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self.settings = settings
        self._topic = topic
        self._seen: dict[Any, Any] = {}
        self._went_back: list[str] = []

    @property
    def is_shared(self) -> bool:
        """Whether it can be asked while loaders write."""
        return self.settings.database_backend == "postgresql"

    async def prepare(self) -> None:
        """Make the tables; on PostgreSQL, have every step back noted by a trigger."""
        database = create_database(self.settings, application="test")
        await database.open()
        try:
            await database.apply_schema(discover())
            for statement in _WATCHER if self.is_shared else []:
                await database.execute(statement)
        finally:
            await database.close()

    async def consumed(self) -> dict[int, int]:
        """Return how many offsets of each partition were read."""
        return {
            row["partition"]: row["next_offset"] - row["first_offset"]
            for row in await query(self.settings, _POSITIONS)
            if row["topic"] == self._topic
        }

    async def progress(self) -> int | None:
        """Return how many offsets were read in all; None while the database is away."""
        try:
            return sum((await self.consumed()).values())
        except Transient:
            return None

    async def versions(self) -> list[Version]:
        """Return all versions of all keys."""
        return [
            Version(
                (row["ticker"], str(row["date"])),
                (row["as_of"] - EPOCH) // MICROSECOND,
                (row["confirmed_as_of"] - EPOCH) // MICROSECOND,
                row["volume"],
                row["source"],
                row["kafka_partition"],
                row["kafka_offset"],
                row["current"],
            )
            for row in await query(self.settings, _VERSIONS)
        ]

    async def letters(self) -> list[tuple[int, int]]:
        """Return where the dead letters came from."""
        rows = await query(self.settings, 'SELECT partition, "offset" FROM dead_letters')
        return [(row["partition"], row["offset"]) for row in rows]

    async def look(self) -> None:
        """Compare with the look before, where no trigger can note what goes back."""
        now: dict[Any, Any] = dict(await self.consumed())
        now |= {v.key: v.confirmed_as_of for v in await self.versions() if v.current}
        for what, before in self._seen.items():
            if what not in now or now[what] < before:
                self._went_back.append(f"{what}: {before} to {now.get(what)}")
        self._seen = now

    async def went_back(self) -> list[str]:
        """Return what went back."""
        if not self.is_shared:
            return self._went_back
        return [row["what"] for row in await query(self.settings, "SELECT what FROM went_back")]
