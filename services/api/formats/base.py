"""What an answer's format is: how it is asked for, and how rows become its bytes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from shared.dataset import Column

_SLICE_ROWS = 16_384
_SLICE_BYTES = 8 << 20


class Encoder(Protocol):
    """Turns the batches of one answer into bytes; used once, from first to last."""

    def begin(self) -> bytes:
        """Return what stands before the first row."""

    def rows(self, batch: pa.RecordBatch) -> bytes:
        """Return the rows' bytes. The batch has the answer's columns; CPU work, blocks."""

    def end(self, next_cursor: str | None) -> bytes:
        """Return what stands after the last row; the cursor is given where the answer is cut."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format of an answer.

    accepts     media types that ask for it, the first of them the usual one
    page_rows   rows of an answer when no limit is given; None: all there are
    encoder     makes the encoder of one answer with these columns
    packed      its bytes are compressed already
    spelled     it takes figures as the texts that PostgreSQL spells them by
    schema      of the whole answer, for OpenAPI, beside an example where it is text
    """

    name: str
    media_type: str
    accepts: tuple[str, ...]
    page_rows: int | None
    encoder: Callable[[Sequence[Column]], Encoder]
    schema: Mapping[str, Any]
    example: Any = None
    packed: bool = False
    spelled: bool = False


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """Return the schema of an answer with these columns."""
    return pa.schema([pa.field(c.name, c.kind.arrow, c.nullable) for c in columns])


def slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield the batch in pieces small enough to be held as text."""
    pieces = [batch]
    while pieces:
        piece = pieces.pop()
        if piece.num_rows > 1 and (piece.num_rows > _SLICE_ROWS or piece.nbytes > _SLICE_BYTES):
            half = piece.num_rows // 2
            pieces += [piece.slice(half), piece.slice(0, half)]
        elif piece.num_rows:
            yield piece
