"""When a message's value became known: its as_of header, else the message's own timestamp."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shared.columns import UTC_MICROSECONDS
from shared.errors import InvalidRecord
from shared.messages import Headers, as_columns
from shared.record import Message

MAX_AHEAD = dt.timedelta(hours=48)
"""An as_of further ahead of the clock is refused: one from 2099 would pin its key for ever."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_ABSENT, _WRONG = -(2**63), -(2**63) + 1
_FAR_MS = 1 << 52
_FIRST = (dt.datetime.min.replace(tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND
_NUMBER = re.compile(rb"\d{1,18}")
_VERSION, _LETTER = _MARKS = ("schema_version", "dead_letter_id")
_Marks = dict[str, dict[int, bytes | None]]
_NO_VERSION = InvalidRecord(
    "wrong_schema_version", "the schema_version header is no whole number", "schema_version"
)
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stamps:
    """What the headers of messages say of their rows, in order of the messages.

    microseconds   each as_of in µs since 1970; 0 where `errors` says why there is none
    sources        who published each, as text that a database takes, null for none
    errors         by position, for messages whose headers cannot be gone by
    versions       by position, the schema_version of messages that name one
    letters        by position, the dead letter that a message repeats
    """

    microseconds: npt.NDArray[np.int64]
    sources: pa.StringArray
    errors: dict[int, InvalidRecord]
    versions: dict[int, int]
    letters: dict[int, int]

    def as_of(self, position: int) -> dt.datetime | None:
        """Return one message's as_of in UTC, None where it has none."""
        error = self.errors.get(position)
        if error is not None and error.field == "as_of":
            return None
        return _EPOCH + int(self.microseconds[position]) * _MICROSECOND

    def as_of_column(self) -> pa.Array:
        """Return every as_of."""
        return pa.array(self.microseconds).cast(UTC_MICROSECONDS)


def read_stamps(messages: Sequence[Message], now: dt.datetime) -> Stamps:
    """Return when each message's value became known, and who says so.

    An as_of is RFC 3339 with a zone, cut to the microsecond, and at most 48 hours after
    `now`; without the header it is the message's timestamp. Of a header given twice the
    last counts. A dead_letter_id that is no number is passed over: the message stands for itself.
    """
    columns = as_columns(messages)
    given, sources, marks = _read_headers(columns.headers)
    sent = np.clip(columns.timestamps_ms, 0, _FAR_MS) * 1000
    microseconds = np.where(given == _ABSENT, sent, given)
    latest = (now + MAX_AHEAD - _EPOCH) // _MICROSECOND
    wrong = np.flatnonzero((microseconds == _WRONG) | (microseconds > latest))
    errors = {
        position: InvalidRecord(
            "wrong_as_of", "the as_of header is not RFC 3339 with a zone", "as_of"
        )
        if microseconds[position] == _WRONG
        else InvalidRecord("as_of_ahead", "as_of is over 48 hours ahead of now", "as_of")
        for position in wrong.tolist()
    }
    microseconds[wrong] = 0
    versions, letters = (_numbers(marks[name]) for name in _MARKS)
    for position in marks[_VERSION].keys() - versions.keys():
        errors.setdefault(position, _NO_VERSION)
    return Stamps(microseconds, sources, errors, versions, letters)


def end_of_day(day: dt.date) -> dt.datetime:
    """Return the last microsecond of a day in UTC: the as_of that a date alone stands for."""
    return dt.datetime.combine(day, dt.time.max, dt.UTC)


def _read_headers(
    column: Sequence[Headers],
) -> tuple[npt.NDArray[np.int64], pa.StringArray, _Marks]:
    """Return the as_of headers in µs, _ABSENT or _WRONG, the source headers and the rare ones."""
    begins, lengths = _runs(column)
    moments = np.empty(len(begins), np.int64)
    sources: list[str | None] = []
    marks: _Marks = {name: {} for name in _MARKS}
    seen: dict[bytes | None, int] = {None: _ABSENT}
    for number, (begin, length) in enumerate(zip(begins, lengths.tolist(), strict=True)):
        found = dict(column[begin])
        as_of, source = found.get("as_of"), found.get("source")
        if as_of is not None and as_of not in seen:
            seen[as_of] = _from_header(as_of)
        moments[number] = seen[as_of]
        sources.append((source or b"").decode("utf-8", "replace").replace("\0", "") or None)
        for name in _MARKS:
            if name in found:
                marks[name] |= dict.fromkeys(range(begin, begin + length), found[name])
    which = np.repeat(np.arange(len(begins)), lengths)
    return moments[which], pa.array(sources, pa.string()).take(pa.array(which)), marks


def _runs(column: Sequence[Headers]) -> tuple[list[int], npt.NDArray[np.int64]]:
    """Return where stretches of the same headers begin, and how long each is.

    Records that were published together share theirs, as the same object.
    """
    identities = np.fromiter(map(id, column), np.int64, len(column))
    begins = np.flatnonzero(identities[1:] != identities[:-1]) + 1
    starts = [0, *begins.tolist()] if len(column) else []
    return starts, np.diff([*starts, len(column)])


def _numbers(headers: dict[int, bytes | None]) -> dict[int, int]:
    """Return those that are whole numbers of 64 bits."""
    return {
        position: int(value)
        for position, value in headers.items()
        if value is not None and _NUMBER.fullmatch(value)
    }


def _from_header(header: bytes) -> int:
    try:
        text = header.decode("ascii").upper()
        if _RFC_3339.fullmatch(text):
            moment = (dt.datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
            return moment if moment >= _FIRST else _WRONG
    except ValueError:
        pass
    return _WRONG
