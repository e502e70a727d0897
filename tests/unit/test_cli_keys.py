"""When a key ends, as `--expires` says it."""

import datetime as dt

import pytest
import typer

from services.cli.access.keys import read_expiry

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def test_an_end_is_a_span_or_a_moment() -> None:
    spans = {"30m": {"minutes": 30}, "12h": {"hours": 12}, "90d": {"days": 90}, "4w": {"weeks": 4}}
    for text, span in spans.items():
        assert read_expiry(text, NOW) == NOW + dt.timedelta(**span)
    assert read_expiry("2027-01-01T00:00:00+01:00", NOW) == dt.datetime(
        2026, 12, 31, 23, tzinfo=dt.UTC
    )


@pytest.mark.parametrize(
    "text", ["", "soon", "90", "0d", "-1d", "999999w", "2025-01-01T00:00:00Z", "2027-01-01"]
)
def test_what_is_no_end_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="--expires"):
        read_expiry(text, NOW)
