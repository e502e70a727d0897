"""Batches read as columns hold what the client reads of them record by record."""

import struct
from contextlib import suppress
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from shared.kafka.record_batch import NotReadable, RecordBatch, batches
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


def columns(messages: Messages) -> list[Any]:
    headers = [list(each) for each in messages.headers]
    return [messages.offsets, messages.timestamps_ms, messages.keys, messages.values, headers,
            messages.bytes]  # fmt: skip


@given(st.lists(records, min_size=1, max_size=6), st.sampled_from([0, 1, 3]), st.data())
def test_it_reads_what_the_client_reads(
    given: list[tuple[Any, ...]], compression: int, data: st.DataObject
) -> None:
    batch = build(given, compression)
    by_client = Messages.unpacked("t", 3, list(DefaultRecordBatch(batch)))
    read = RecordBatch.read(memoryview(batch))
    assert columns(read.messages("t", 3, EVERYTHING)) == columns(by_client)
    start, stop = sorted(data.draw(st.integers(0, len(given))) for _ in "ab")
    part = read.messages("t", 3, slice(start, stop))
    assert part.offsets == by_client.offsets[start:stop]
    assert part.values == by_client.values[start:stop]


def test_moments_are_the_brokers_where_it_stamps() -> None:
    batch = bytearray(build([(5, b"k", b"v", []), (7, b"k", b"v", [])]))
    batch[22] |= 0x08  # the broker's clock counts
    batch[35:43] = struct.pack(">q", 99)
    read = RecordBatch.read(memoryview(bytes(batch)))
    assert read.messages("t", 0, EVERYTHING).timestamps_ms == [99, 99]


def test_equal_headers_are_one_object() -> None:
    batch = build([(0, b"k", b"v", [("as_of", b"1")])] * 3)
    first, *others = RecordBatch.read(memoryview(batch)).messages("t", 0, EVERYTHING).headers
    assert all(other is first for other in others)


def test_headers_of_one_size_are_told_apart() -> None:
    stamps = [b"1", b"1", b"2", b"1"]
    batch = build([(0, b"k", b"v", [("as_of", stamp)]) for stamp in stamps])
    read = RecordBatch.read(memoryview(batch)).messages("t", 0, EVERYTHING)
    assert [dict(headers)["as_of"] for headers in read.headers] == stamps


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
        RecordBatch.read(memoryview(bytes(batch))).messages("t", 0, EVERYTHING)


@pytest.mark.parametrize("wrong", [b"", b"\0" * 60, b"\0" * 61])
def test_what_is_no_batch_of_this_version_is_left_to_the_client(wrong: bytes) -> None:
    with pytest.raises(NotReadable):
        RecordBatch.read(memoryview(wrong))
