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


def tokens(column: Column, value: Any) -> SearchStrategy[bytes]:
    """Draw the ways in which a value may be written as JSON."""
    if value is None:
        return st.just(b"null")
    match column.kind:
        case Kind.TEXT | Kind.TEXTS:
            return st.sampled_from(
                [json.dumps(value).encode(), json.dumps(value, ensure_ascii=False).encode()]
            )
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
def documents(draw: DrawFn, dataset: Dataset) -> list[tuple[bytes, bytes]]:
    """Draw the fields of a valid message, name and JSON; defaulted ones may be left out."""
    row = draw(rows(dataset))
    fields = [
        (column.name.encode(), draw(tokens(column, row[column.name])))
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


STYLES = ["dense", "spaced", "airy", "pretty"]


@st.composite
def good_values(draw: DrawFn, dataset: Dataset) -> bytes:
    """Draw a valid message's value."""
    return written(draw(documents(dataset)), draw(st.sampled_from(STYLES)))


def _quoted(text: str) -> bytes:
    return b'"' + text.encode() + b'"'
