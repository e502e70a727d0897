"""When the next row is expected, by a dataset's cadence."""

import datetime as dt

import pytest

from services.api.freshness import expected_next
from services.api.status import sources_of
from shared.registry import discover


@pytest.mark.parametrize(
    ("dataset", "newest", "expected"),
    [
        ("cboe_vix_history", "2026-01-01", "2026-01-02"),
        ("cboe_vix_history", "2026-01-02", "2026-01-05"),
        ("cboe_vix_history", "2026-01-03", "2026-01-05"),
        ("cboe_vix_history", "2026-01-04", "2026-01-05"),
        ("ici_etf_weekly_flows", "2025-12-31", "2026-01-07"),
        ("ici_etf_monthly_flows", "2026-01-31", "2026-02-28"),
        ("ici_etf_monthly_flows", "2026-01-30", "2026-02-28"),
        ("ici_etf_monthly_flows", "2024-02-29", "2024-03-31"),
        ("corporate_actions", "2026-01-01", None),
    ],
)
def test_the_cadence_says_when(dataset: str, newest: str, expected: str | None) -> None:
    found = expected_next(discover()[dataset], dt.date.fromisoformat(newest))
    assert (found and found.isoformat()) == expected


def test_nothing_is_expected_where_nothing_is() -> None:
    registry = discover()
    assert expected_next(registry["fred_data"], None) is None
    assert expected_next(registry["news_articles"], dt.datetime(2026, 1, 1, tzinfo=dt.UTC)) is None


def test_the_next_refresh_is_a_usual_time_after_the_last() -> None:
    times = [dt.datetime(2026, 1, day, tzinfo=dt.UTC) for day in (10, 9, 8, 1)]
    runs = [
        {"source": "CBOE", "data_type": "x", "refresh_time": time, "status": status,
         "records_updated": 1, "error_message": None}
        for time, status in zip(times, ["failed", "success", "success", "success"], strict=True)
    ]  # fmt: skip
    (entry,) = sources_of(runs)
    assert entry["next_refresh"] == "2026-01-11T00:00:00.000000Z"
    assert entry["last_success"] == "2026-01-09T00:00:00.000000Z"
    assert sources_of(runs[:1])[0]["next_refresh"] is None
