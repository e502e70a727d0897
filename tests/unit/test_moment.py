"""Which moment an as_of is."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.moment import end_of_day, read_stamps
from shared.record import Headers, Message, encode_time
from tests.strategies import examples

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
SENT = dt.datetime(2024, 5, 31, 8, 30, tzinfo=dt.UTC)


def message(*headers: tuple[str, bytes], sent: dt.datetime | int = SENT) -> Message:
    timestamp = sent if isinstance(sent, int) else round(sent.timestamp() * 1000)
    return Message("t", 0, 0, timestamp, b"K", b"{}", headers)


def as_of(*headers: tuple[str, bytes], sent: dt.datetime | int = SENT) -> dt.datetime | str:
    """Return a message's as_of, or the code of the error where it has none."""
    stamps = read_stamps([message(*headers, sent=sent)], NOW)
    if 0 in stamps.errors:
        assert stamps.as_of(0) is None
        assert stamps.errors[0].field == "as_of"
        return stamps.errors[0].code
    moment = stamps.as_of(0)
    assert moment == stamps.as_of_column()[0].as_py()
    assert moment is not None
    return moment


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"2024-01-31T22:00:00Z", dt.datetime(2024, 1, 31, 22, tzinfo=dt.UTC)),
        (b"2024-01-31t22:00:00z", dt.datetime(2024, 1, 31, 22, tzinfo=dt.UTC)),
        (b"2024-02-01T00:30:00+02:30", dt.datetime(2024, 1, 31, 22, tzinfo=dt.UTC)),
        (b"2024-01-31T22:00:00.5Z", dt.datetime(2024, 1, 31, 22, 0, 0, 500_000, dt.UTC)),
        (b"2024-01-31T22:00:00.123456789Z", dt.datetime(2024, 1, 31, 22, 0, 0, 123_456, dt.UTC)),
        (b"1970-01-01T00:00:00Z", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
        (b"0001-01-01T00:00:00Z", dt.datetime(1, 1, 1, tzinfo=dt.UTC)),
        *[
            (header, "wrong_as_of")
            for header in (
                b"",
                b"2024-01-31",
                b"2024-01-31T22:00:00",
                b"2024-01-31 22:00:00Z",
                b"2024-01-31T22:00Z",
                b"20240131T220000Z",
                b"2024-W05-3T22:00:00Z",
                b"2024-02-30T22:00:00Z",
                b"2024-01-31T25:00:00Z",
                b"2024-01-31T22:00:00+25:00",
                b"2024-01-31T22:00:00+02",
                b"0000-01-01T00:00:00Z",
                b"0001-01-01T00:00:00+14:00",
                b"1706738400",
                b"now",
                b"\xff\x00",
                "\uff12024-01-31T22:00:00Z".encode(),
            )
        ],
    ],
)
def test_a_header_is_rfc_3339_with_a_zone(header: bytes, expected: dt.datetime | str) -> None:
    assert as_of(("as_of", header)) == expected


def test_without_a_header_it_is_the_message_timestamp() -> None:
    assert as_of() == SENT
    assert as_of(("source", b"x"), ("AS_OF", b"2020-01-01T00:00:00Z")) == SENT


def test_a_message_without_a_timestamp_is_as_old_as_can_be() -> None:
    assert as_of(sent=-1) == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def test_of_two_headers_the_last_counts() -> None:
    first, last = b"2020-01-01T00:00:00Z", b"2021-01-01T00:00:00Z"
    assert as_of(("as_of", first), ("as_of", last)) == dt.datetime(2021, 1, 1, tzinfo=dt.UTC)


def test_over_48_hours_ahead_is_refused() -> None:
    latest, microsecond = NOW + dt.timedelta(hours=48), dt.timedelta(microseconds=1)
    assert as_of(("as_of", encode_time(latest).encode())) == latest
    assert as_of(("as_of", encode_time(latest + microsecond).encode())) == "as_of_ahead"
    assert as_of(("as_of", b"2099-01-01T00:00:00Z")) == "as_of_ahead"
    assert as_of(sent=latest) == latest
    assert as_of(sent=latest + dt.timedelta(milliseconds=1)) == "as_of_ahead"
    assert as_of(sent=2**63 - 1) == "as_of_ahead"


@examples(100)
@given(
    moments=st.lists(
        st.none() | st.datetimes(max_value=NOW.replace(tzinfo=None), timezones=st.just(dt.UTC))
    )
)
def test_every_moment_travels_as_a_header(moments: list[dt.datetime | None]) -> None:
    messages = [
        message(*[("as_of", encode_time(moment).encode())] if moment else []) for moment in moments
    ]
    assert read_stamps(messages, NOW).as_of_column().to_pylist() == [m or SENT for m in moments]


@pytest.mark.parametrize(
    ("headers", "source"),
    [
        ((), None),
        ((("source", b""),), None),
        ((("source", "Börse".encode()),), "Börse"),
        ((("source", b"a"), ("run_id", b"1"), ("source", b"b")), "b"),
        ((("source", b"\xffa\x00"),), "\ufffda"),
        ((("source", b"\x00"),), None),
    ],
)
def test_a_source_is_text_that_a_database_takes(headers: Headers, source: str | None) -> None:
    stamps = read_stamps([message(), message(*headers), message(*headers)], NOW)
    assert stamps.sources.to_pylist() == [None, source, source]


def test_a_date_alone_is_the_last_microsecond_of_that_day() -> None:
    moment = end_of_day(dt.date(2008, 10, 30))
    assert moment.isoformat() == "2008-10-30T23:59:59.999999+00:00"
    assert moment + dt.timedelta(microseconds=1) == dt.datetime(2008, 10, 31, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("header", "expected"),
    [(b"1", 1), (b"0", 0), (b"007", 7), (b"9" * 18, 10**18 - 1), (None, None)],
)
def test_a_schema_version_is_a_whole_number(header: bytes | None, expected: int | None) -> None:
    headers = () if header is None else (("schema_version", header),)
    stamps = read_stamps([message(), message(*headers)], NOW)
    assert stamps.versions == ({} if expected is None else {1: expected})
    assert stamps.errors == {}


@pytest.mark.parametrize("header", [b"", b"v2", b"1.0", b"-1", b"+1", b" 1", b"9" * 19, b"\xff"])
def test_any_other_schema_version_refuses_its_message_alone(header: bytes) -> None:
    stamps = read_stamps([message(), message(("schema_version", header))], NOW)
    assert {position: error.code for position, error in stamps.errors.items()} == {
        1: "wrong_schema_version"
    }
    assert stamps.as_of(1) == SENT


def test_a_dead_letter_s_number_is_read_or_passed_over() -> None:
    headers = [(b"12",), (b"",), (b"x",), (b"-1",)]
    messages = [message(*(("dead_letter_id", value) for value in each)) for each in headers]
    stamps = read_stamps(messages, NOW)
    assert (stamps.letters, stamps.errors) == ({0: 12}, {})
