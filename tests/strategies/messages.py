"""Messages as producers of many habits write them."""

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from shared.columns import Column, Kind
from shared.dataset import Dataset
from shared.record import Headers, Message
from tests.strategies.rows import rows


def as_message(value: bytes | None, offset: int = 0, headers: Headers = ()) -> Message:
    """Return a message of topic t, partition 0, of the last second of 2023."""
    return Message("t", 0, offset, 1_704_067_199_000, b"K", value, headers)


def tokens(column: Column, value: Any, *, tame: bool = False) -> SearchStrategy[bytes]:
    """Draw the ways in which a value may be written as JSON."""
    if value is None:
        return st.just(b"null")
    match column.kind:
        case Kind.TEXT | Kind.TEXTS:
            escaped = st.just(False) if tame else st.booleans()
            return escaped.map(lambda ascii_: json.dumps(value, ensure_ascii=ascii_).encode())
        case Kind.FLOAT:
            return st.sampled_from([repr(value), f"{value:.17e}", f"{value:.17E}"]).map(str.encode)
        case Kind.TIMESTAMP:
            text = value.isoformat()
            return st.sampled_from([text, text.replace("+00:00", "Z")]).map(_quoted)
        case Kind.DATE:
            return st.just(_quoted(value.isoformat()))
        case _:
            return st.just(json.dumps(value).encode())


@st.composite
def documents(draw: DrawFn, dataset: Dataset, *, tame: bool = False) -> list[tuple[bytes, bytes]]:
    """Draw the fields of a valid message, name and JSON; defaulted ones may be left out.

    Tame ones have no backslash.
    """
    row = draw(rows(dataset, tame=tame))
    fields = [
        (column.name.encode(), draw(tokens(column, row[column.name], tame=tame)))
        for column in dataset.columns
        if not (column.has_default and draw(st.booleans()))
    ]
    return draw(st.permutations(fields)) if draw(st.booleans()) else fields


def written(fields: list[tuple[bytes, bytes]], style: str = "dense") -> bytes:
    """Return fields as an object: dense, spaced or pretty-printed."""
    comma, colon, opening, closing = {
        "dense": (b",", b":", b"{", b"}"),
        "spaced": (b", ", b": ", b"{", b"}"),
        "airy": (b" , ", b" : ", b"{ ", b" }"),
        "pretty": (b",\n  ", b": ", b"{\n  ", b"\n}"),
    }[style]
    pairs = [b'"' + name + b'"' + colon + token for name, token in fields]
    return opening + comma.join(pairs) + closing


def styles(*, tame: bool) -> SearchStrategy[str]:
    """Draw a way to set an object; a tame one stands on one line."""
    return st.sampled_from(["dense", "spaced", "airy", "dense" if tame else "pretty"])


@st.composite
def good_values(draw: DrawFn, dataset: Dataset, *, tame: bool = False) -> bytes:
    """Draw a valid message's value."""
    return written(draw(documents(dataset, tame=tame)), draw(styles(tame=tame)))


def _quoted(text: str) -> bytes:
    return b'"' + text.encode() + b'"'
