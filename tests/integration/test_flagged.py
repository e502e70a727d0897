"""The loader counts the rows that checks flag, once they are stored."""

import datetime as dt
import json
from pathlib import Path

from prometheus_client import REGISTRY as METRICS

from services.loader.batch import Chunk
from services.loader.quarantine import Quarantine
from services.loader.write import Writer
from shared.database.factory import create_database
from shared.metrics import FLAGGED_RECORDS
from shared.record import Message
from shared.settings import Settings
from tests.api import READER, REGISTRY

VIX = REGISTRY["cboe_vix_history"]


def counted(check: str) -> float:
    labels = {"dataset": VIX.name, "check": check}
    return METRICS.get_sample_value(FLAGGED_RECORDS.series, labels) or 0.0


def message(offset: int, **prices: float) -> Message:
    day = dt.date(2024, 1, 1) + dt.timedelta(days=offset)
    row = {"symbol": "VIX", "date": str(day), "open": 2, "high": 3, "low": 1, "close": 2, **prices}
    return Message(VIX.name, 0, offset, 1_735_689_600_000, None, json.dumps(row).encode())


async def test_what_is_flagged_is_stored_and_counted(tmp_path: Path) -> None:
    before = counted("impossible_candle"), counted("negative")
    database = create_database(Settings(duckdb_path=tmp_path / "test.duckdb"), application="test")
    await database.open()
    try:
        await database.apply_schema(REGISTRY)
        writer = Writer(database, READER, Quarantine(database, READER, 1.0), lambda _: None)
        messages = [message(0), message(1, close=9), message(2, low=-1, open=-3)]
        chunk = Chunk(0, VIX, messages, ())
        written = (await writer.write(chunk, await writer.decode(chunk))).written
    finally:
        await database.close()
    assert (written.inserted, written.dead_letters) == (3, 0)
    assert counted("impossible_candle") - before[0] == 2
    assert counted("negative") - before[1] == 1
