"""What goes wrong with messages: by name, for one field's JSON and for whole values."""

from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from shared.dataset import Dataset
from tests.strategies.messages import documents, styles, written

Transform = Callable[[bytes], bytes | None]

_WRITTEN = (Path(__file__).parent / "odd_tokens.txt").read_bytes().splitlines()
_BYTES = [
    *(b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b'"\x00"'),
    *(
        b'"a\x00b"',
        b'"\x1f"',
        b'"\t"',
        b'"\n"',
        b'"\r\n"',
        b'"\x7f"',
        b"1\x00",
        b"1\t",
        b"\n1",
        b"",
        b" ",
    ),
    *(
        b"1 1",
        b"1,",
        b"1,1",
        b"1}",
        b"1}{",
        b"1]",
        b'1,"zzz":2',
        b'1,"code":"again"',
        b"1 //",
        b"1/**/",
    ),
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[" * 300 + b"]" * 300,
    b"9" * 5_000,
    b"0." + b"1" * 5_000,
    b'["' + b"x" * 70_000 + b'"]',
]
ODD_TOKENS: list[bytes] = [
    *_WRITTEN,
    *(b'"%b"' % token for token in _WRITTEN if token[:1].isdigit()),
    *(f'"{text}"'.encode() for text in ("x" * 200, "x" * 201, "é" * 200, "😀" * 201, "x" * 70_000)),
    *_BYTES,
]
"""JSON for a field, most of it wrong in most columns."""

ODD_VALUES: dict[str, Transform] = {
    "tombstone": lambda _: None,
    "empty": lambda _: b"",
    "blank": lambda _: b" \n\t ",
    "vertical tab": lambda _: b"\x0b",
    "null": lambda _: b"null",
    "number": lambda _: b"1",
    "text": lambda _: b'"{}"',
    "NaN": lambda _: b"NaN",
    "empty object": lambda _: b"{}",
    "empty array": lambda _: b"[]",
    "in an array": lambda good: b"[" + good + b"]",
    "in an object": lambda good: b'{"a":' + good + b"}",
    "in a text": lambda good: b'"' + good + b'"',
    "twice": lambda good: good + good,
    "twice with comma": lambda good: good + b"," + good,
    "twice with a break": lambda good: good + b"\n" + good,
    "twice with a return": lambda good: good + b"\r" + good,
    "byte order mark": lambda good: b"\xef\xbb\xbf" + good,
    "UTF-16": lambda good: good.decode().encode("utf-16"),
    "UTF-16 without mark": lambda good: good.decode().encode("utf-16-le"),
    "spaces around": lambda good: b"  " + good + b"  ",
    "breaks around": lambda good: b"\r\n" + good + b"\n",
    "form feed around": lambda good: b"\x0c" + good,
    "NUL before": lambda good: b"\x00" + good,
    "NUL behind": lambda good: good + b"\x00",
    "garbage before": lambda good: b"x" + good,
    "garbage behind": lambda good: good + b" x",
    "comment behind": lambda good: good + b"// so",
    "brace behind": lambda good: good + b"}",
    "brace before": lambda good: b"{" + good,
    "comma behind": lambda good: good[:-1] + b",}",
    "first half": lambda good: good[: len(good) // 2],
    "second half": lambda good: good[len(good) // 2 :],
    "without end": lambda good: good[:-1],
    "without beginning": lambda good: good[1:],
    "single quotes": lambda good: good.replace(b'"', b"'"),
    "upper case": lambda good: good.upper(),
    "unknown field": lambda good: good[:-1] + b',"zzz":1}',
    "unknown object": lambda good: good[:-1] + b',"zzz":{"a":[1,{}]}}',
    "unknown NUL": lambda good: good[:-1] + b',"\\u0000\\ud800":1}',
    "nameless field": lambda good: good[:-1] + b',"":1}',
    "depth": lambda _: b'{"a":' * 100_000,
    "array depth": lambda _: b"[" * 100_000,
    "closed depth": lambda _: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "100,000 fields": lambda _: (
        b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b',"99999":1}'
    ),
    "over 1 MiB": lambda good: good[:-1] + b" " * (1 << 20) + b"}",
    "over 64 kB": lambda good: good[:-1] + b" " * (1 << 16) + b"}",
    "10 MB": lambda good: good[:-1] + b',"zzz":"' + b"x" * 10_000_000 + b'"}',
    "10 MB of blanks": lambda _: b" " * 10_000_000,
}
"""What may happen to a whole value; some of it is still valid."""


@st.composite
def odd_values(draw: DrawFn, dataset: Dataset, *, tame: bool = False) -> bytes | None:
    """Draw a value with something odd about it; about a third are valid all the same.

    What is odd about a tame one is not its texts.
    """
    fields = draw(documents(dataset, tame=tame))
    match draw(st.sampled_from(["token", "token", "token", "drop", "again", "rename", "whole"])):
        case "token":
            place = draw(st.integers(0, len(fields) - 1))
            fields[place] = (fields[place][0], draw(st.sampled_from(ODD_TOKENS)))
        case "drop":
            name, _ = fields.pop(draw(st.integers(0, len(fields) - 1)))
            if draw(st.booleans()):
                place = draw(st.integers(0, len(fields) - 1))
                mention = draw(st.sampled_from([b'"%b"', b'"%b\\":"', b'["%b"]']))
                fields[place] = (fields[place][0], mention % name)
        case "again":
            fields.insert(draw(st.integers(0, len(fields))), draw(st.sampled_from(fields)))
            if draw(st.booleans()):
                del fields[draw(st.integers(0, len(fields) - 1))]
        case "rename":
            place = draw(st.integers(0, len(fields) - 1))
            name, token = fields[place]
            fields[place] = (draw(_renamed(name)), token)
        case _:
            change = draw(st.sampled_from(sorted(ODD_VALUES)))
            return ODD_VALUES[change](written(fields))
    return written(fields, draw(styles(tame=tame)))


def _renamed(name: bytes) -> SearchStrategy[bytes]:
    escaped = b"\\u%04x" % name[0] + name[1:]
    return st.sampled_from([escaped, name.upper(), name + b" ", b" " + name, b"", b'\\"' + name])
