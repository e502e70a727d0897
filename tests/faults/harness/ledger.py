"""What producers know of their records, kept outside the system under test: a file, fsynced."""

import json
import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class Fate(StrEnum):
    """What a producer was told of a record; a later `acked` outdoes an earlier `unknown`."""

    UNKNOWN = "unknown"
    ACKED = "acked"
    FAILED = "failed"


class Entry(NamedTuple):
    """One record: who wrote it, of which key, and what it says.

    as_of  microseconds since 1970
    value  what the row holds; None for a record that breaks the rules
    """

    run: str
    producer: int
    seq: int
    ticker: str
    day: str
    as_of: int
    value: int | None

    @property
    def name(self) -> str:
        """What the record is called on the wire, and where it is stored."""
        return f"{self.run}/{self.producer}/{self.seq}"

    @property
    def key(self) -> tuple[str, str]:
        """The row's key."""
        return self.ticker, self.day


class Ledger:
    """Appends to the file; what is noted survives the end of this process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sent_count = 0

    def sent(self, entries: Iterable[Entry]) -> None:
        """Note records before they leave; until told otherwise their fate is unknown."""
        given = list(entries)
        self._append({"sent": given})
        self.sent_count += len(given)

    def told(self, fate: Fate, entries: Iterable[Entry]) -> None:
        """Note what the broker has answered of records."""
        self._append({"fate": fate, "names": [entry.name for entry in entries]})

    def read(self) -> tuple[dict[str, Entry], dict[str, Fate]]:
        """Return every record and its fate, by name, as the file has them."""
        entries: dict[str, Entry] = {}
        fates: dict[str, Fate] = {}
        for line in self._path.read_text().splitlines():
            noted = json.loads(line)
            for fields in noted.get("sent", ()):
                entry = Entry(*fields)
                entries[entry.name] = entry
                fates.setdefault(entry.name, Fate.UNKNOWN)
            for name in noted.get("names", ()):
                if fates[name] is not Fate.ACKED:
                    fates[name] = Fate(noted["fate"])
        return entries, fates

    def _append(self, noted: object) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(noted) + "\n")
            file.flush()
            os.fsync(file.fileno())
