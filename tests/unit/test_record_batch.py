"""Batches read as columns hold what the client reads of them record by record."""

import struct
from contextlib import suppress
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from shared.kafka.record_batch import RecordBatch, batches
from shared.kafka.record_headers import KnownHeaders
from shared.kafka.varints import NotReadable
from shared.messages import Messages

EVERYTHING = slice(0, None)

texts = st.one_of(st.none(), st.binary(max_size=300))
records = st.tuples(
    st.integers(-(2**40), 2**40),
    texts,
    texts,
    st.lists(st.tuples(st.text(max_size=5), texts), max_size=3),
)


def build(given: list[tuple[Any, ...]], compression: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=compression, is_transactional=0, producer_id=-1,
        producer_epoch=-1, base_sequence=-1, batch_size=1 << 30,
    )  # fmt: skip
    for number, (timestamp, key, value, headers) in enumerate(given):
        builder.append(number, timestamp=timestamp, key=key, value=value, headers=headers)
    return bytes(builder.build())


def read(batch: bytes, chosen: slice = EVERYTHING) -> Messages:
    return RecordBatch.read(memoryview(batch)).messages("t", 3, chosen, KnownHeaders())


@given(st.lists(records, min_size=1, max_size=6), st.sampled_from([0, 1, 3]), st.data())
def test_it_reads_what_the_client_reads(
    given: list[tuple[Any, ...]], compression: int, data: st.DataObject
) -> None:
    batch = build(given, compression)
    by_client = Messages.unpacked("t", 3, list(DefaultRecordBatch(batch)))
    assert list(read(batch)) == list(by_client)
    start, stop = sorted(data.draw(st.integers(0, len(given))) for _ in "ab")
    assert list(read(batch, slice(start, stop))) == list(by_client)[start:stop]
    headers = RecordBatch.read(memoryview(batch)).headers.sizes.sum()
    assert read(batch).size_bytes == by_client.size_bytes + headers


def test_moments_are_the_brokers_where_it_stamps() -> None:
    batch = bytearray(build([(5, b"k", b"v", []), (7, b"k", b"v", [])]))
    batch[22] |= 0x08  # the broker's clock counts
    batch[35:43] = struct.pack(">q", 99)
    assert read(bytes(batch)).timestamps_ms.tolist() == [99, 99]


def test_equal_headers_are_one_object() -> None:
    batch = build([(0, b"k", b"v", [("as_of", b"1")])] * 3)
    first, *others = read(batch).headers
    assert all(other is first for other in others)


def test_headers_of_one_size_are_told_apart() -> None:
    stamps = [b"1", b"1", b"2", b"1"]
    batch = build([(0, b"k", b"v", [("as_of", stamp)]) for stamp in stamps])
    assert [dict(headers)["as_of"] for headers in read(batch).headers] == stamps


SOURCE = ("source", b"yahoo")


@given(
    st.lists(st.tuples(texts, st.sampled_from([b"\x02\x0csourc", b"{}", None])), max_size=9),
    st.booleans(),
    st.data(),
)
def test_records_that_end_with_the_same_headers_are_parted_by_their_lengths(
    given: list[tuple[bytes | None, bytes | None]], same: bool, data: st.DataObject
) -> None:
    """Values hold what headers look like, and what is told by the headers is told without."""
    raw = b"\x02\x0csource\nyahoo"
    rows: list[tuple[Any, ...]] = [(5, b"k", b"v", [SOURCE])]
    for key, part in given:
        value = (part or b"") + raw * data.draw(st.integers(0, 2))
        rows.append((5, key, value, [SOURCE] if same or data.draw(st.booleans()) else []))
    batch = build(rows)
    by_client = Messages.unpacked("t", 3, list(DefaultRecordBatch(batch)))
    assert list(read(batch)) == list(by_client)


def test_equal_headers_of_several_batches_are_one_object_and_not_for_ever() -> None:
    known = KnownHeaders()

    def headers(source: str) -> Any:
        batch = build([(0, b"k", b"v", [("source", source.encode())])])
        read = RecordBatch.read(memoryview(batch))
        return read.messages("t", 0, EVERYTHING, known).headers[0]

    first = headers("yahoo")
    assert headers("yahoo") is first
    assert all(dict(headers(f"s{n}"))["source"] == f"s{n}".encode() for n in range(1_500))
    assert headers("yahoo") == first
    assert headers("yahoo") is not first


def test_an_answer_is_cut_into_its_whole_batches() -> None:
    one, other = build([(0, None, b"v", [])]), build([(0, None, b"w" * 999, [])])
    assert list(map(bytes, batches(one + other + one[:-1]))) == [one, other]
    assert batches(b"") == []


@given(st.lists(records, min_size=1, max_size=3), st.data())
def test_a_broken_batch_is_refused_or_read_within_its_bounds(
    given: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    batch = bytearray(build(given))
    place = data.draw(st.integers(61, len(batch) - 1))
    batch[place] = data.draw(st.integers(0, 255))
    with suppress(NotReadable, UnicodeDecodeError):
        read(bytes(batch))


@pytest.mark.parametrize("wrong", [b"", b"\0" * 60, b"\0" * 61])
def test_what_is_no_batch_of_this_version_is_left_to_the_client(wrong: bytes) -> None:
    with pytest.raises(NotReadable):
        RecordBatch.read(memoryview(wrong))
