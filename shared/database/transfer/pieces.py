"""A part that was refused whole, in two: to find the rows at fault where none is named."""

import pyarrow as pa

from shared.database.transfer.parts import Span, Unit


def halves(unit: Unit, span: Span, part: pa.Table) -> list[tuple[Span, pa.Table]] | None:
    """Return a part in two of whole keys; None where it is one key."""
    columns = (part[name].to_pylist() for name in unit.key)
    keys = list(zip(*columns, strict=True))
    middle = next((n for n in range(len(keys) // 2, len(keys)) if n and keys[n] != keys[n - 1]), 0)
    if not middle:
        middle = next((n for n in range(len(keys) // 2, 0, -1) if keys[n] != keys[n - 1]), 0)
    if not middle:
        return None
    edge = keys[middle - 1]
    return [
        (Span(span.after, edge), part.slice(0, middle)),
        (Span(edge, span.upto), part.slice(middle)),
    ]
