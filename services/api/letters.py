"""Dead letters as the API tells, replays and discards them."""

import base64
import datetime as dt
from collections.abc import Mapping
from typing import Any

from services.api.ingest.broker import Broker, needing_broker
from services.api.problems import Problem
from services.api.queries import Letters, select_letter, select_letters
from shared.database.base import Database
from shared.database.letters import decode_headers, replay_record
from shared.errors import InvalidRecord
from shared.record import encode_time

Entry = dict[str, Any]


class DeadLetters:
    """What was refused; `timeout_ms` bounds each query."""

    def __init__(self, database: Database, broker: Broker, timeout_ms: int) -> None:
        self._database = database
        self._broker = broker
        self._timeout_ms = timeout_ms

    async def page(self, chosen: Letters, limit: int) -> tuple[list[Entry], int | None]:
        """Return letters, the newest first, and the id to go on before where there are more."""
        query = select_letters(chosen, limit)
        found = await self._database.fetch(query.sql, query.parameters, timeout_ms=self._timeout_ms)
        rows = [_told(row) for row in found.slice(0, limit).to_pylist()]
        return rows, rows[-1]["id"] if found.num_rows > limit else None

    async def whole(self, letter: int) -> Entry:
        """Return a letter with its bytes; raises Problem (404) where there is none."""
        return _told(await self._row(letter))

    async def replay(self, letter: int) -> Entry:
        """Publish a letter's record again; return where it is now.

        The letter is resolved once its record is stored. Raises Problem: 404, 409 for one that
        is resolved, 422 for what the broker refuses, 503 where the broker is away.
        """
        row = await self._open(letter)
        try:
            with needing_broker("the broker is away, and nothing was published"):
                published = await self._broker.publish([replay_record(row)])
        except InvalidRecord as exc:
            raise Problem(422, "refused-by-broker", f"{exc}") from exc
        ((tp, offset),) = published.last_offsets.items()
        return {"id": letter, "topic": tp.topic, "partition": tp.partition, "offset": offset}

    async def discard(self, letter: int) -> None:
        """Resolve a letter that nobody wants to try again; raises Problem as `replay` does."""
        row = await self._row(letter)
        if row["resolution"] != "discarded":
            await self._open(letter)
            await self._database.discard_letters([letter])

    async def _open(self, letter: int) -> Entry:
        row = await self._row(letter)
        if row["resolved_at"] is not None:
            at = encode_time(row["resolved_at"])
            detail = f"dead letter {letter} was {row['resolution']} at {at}"
            raise Problem(409, "already-resolved", detail)
        return row

    async def _row(self, letter: int) -> Entry:
        query = select_letter(letter)
        found = await self._database.fetch(query.sql, query.parameters, timeout_ms=self._timeout_ms)
        if not found.num_rows:
            raise Problem(404, "unknown-letter", f"there is no dead letter {letter}")
        row: Entry = found.to_pylist()[0]
        return row


def _told(row: Mapping[str, Any]) -> Entry:
    """Return a letter as JSON has it: bytes as text where they are, else as base64."""
    told: Entry = {}
    for name, value in row.items():
        if name == "headers":
            told[name] = [
                {"name": header} | _bytes("value", given) for header, given in decode_headers(value)
            ]
        elif name in ("key", "value"):
            told |= _bytes(name, value)
        else:
            told[name] = encode_time(value) if isinstance(value, dt.datetime) else value
    return told


def _bytes(name: str, value: bytes | None) -> Entry:
    try:
        return {name: None if value is None else value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value or b"").decode()}
