"""Spares a batch the one record that our own code fails on: it becomes a dead letter."""

import datetime as dt
from collections.abc import Awaitable, Callable

from services.processor.rekey import Intake
from shared.database.base import Batch, Database, Reader
from shared.decode import Rejected, decode
from shared.errors import EconstreamError, Fatal, InvalidRecord
from shared.messages import Messages
from shared.metrics import PROCESSOR_RECORDS, instrument
from shared.observability import get_logger
from shared.record import Message

CODE = "processor_failed"
MOST = 100
_log = get_logger(__name__)

Handler = Callable[[Messages], Awaitable[None]]


class Quarantine:
    """Where records of one dataset go that could not be handled, with the reason.

    They are stored as rows all the same: the loader reads them for itself. Without a database,
    which is so in a process of its own beside DuckDB, the log alone keeps them.
    """

    def __init__(self, intake: Intake, database: Database | None, reader: Reader) -> None:
        self._intake = intake
        self._database = database
        self._reader = reader
        self._kept = 0

    async def keep(self, message: Message, cause: Exception) -> None:
        """Keep a record; idempotent. Raises Transient while the database is away.

        Raises Fatal once there were over 100 of them: then it is no matter of single records.
        """
        dataset, message = self._intake.dataset, self._intake.original(message)
        reason = f"the processor failed on it: {type(cause).__name__}: {cause}"[:1_000]
        if self._kept >= MOST:
            raise Fatal(
                f"the processor failed on over {MOST} records of {dataset.name}; the last is "
                f"{message.topic}[{message.partition}] {message.offset}: {reason}"
            ) from cause
        if self._database is not None:
            read = decode(dataset, [message], dt.datetime.now(dt.UTC))
            as_of = read.table["as_of"][0].as_py() if read.table.num_rows else None
            refused = Rejected(message, InvalidRecord(CODE, reason), as_of)
            batch = Batch(self._reader, dataset, read.table.slice(0, 0), [refused])
            await self._database.write(batch)
        self._kept += 1
        instrument(PROCESSOR_RECORDS).labels(dataset.name, "failed").inc()
        _log.error(
            "record_failed",
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            reason=reason,
            exc_info=cause,
        )


def sparing(handler: Handler, quarantine: Quarantine) -> Handler:
    """Return a handler that handles all of a batch but those records on which `handler` fails.

    These are found by halving, so `handler` may be given a record several times.
    """

    async def handle(messages: Messages) -> None:
        try:
            await handler(messages)
        except EconstreamError:
            raise
        except Exception as exc:  # noqa: BLE001 - whatever it is, the other records go on
            if len(messages) == 1:
                await quarantine.keep(messages[0], exc)
                return
            middle = len(messages) // 2
            for half in (messages[:middle], messages[middle:]):
                await handle(Messages.of(half))

    return handle
