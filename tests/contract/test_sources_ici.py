"""ICI's recorded workbooks: counts and spans of the manifest, and what each snapshot restates."""

import datetime as dt
from itertools import pairwise

import pytest

from services.fetcher.answer import Answer, Parsed
from tests.contract.recorded import ABSENT, WHY_SKIPPED, manifest, parse, recorded_answers

pytestmark = pytest.mark.skipif(ABSENT, reason=WHY_SKIPPED)

LISTED = {r.path: r for r in manifest("ici")}
ANSWERS = recorded_answers("ici/")
"""In order of their fetching; their URLs name the year."""


def days(parsed: Parsed) -> list[dt.date]:
    return [day for rows in parsed.rows for day in rows.table[rows.dataset.time].to_pylist()]


def figures(answer: Answer) -> dict[tuple[str, dt.date], tuple[float | None, ...]]:
    """Return the figures of each period."""
    return {
        (rows.dataset.name, row.pop(rows.dataset.time)): tuple(
            value for name, value in row.items() if name.endswith("_flows")
        )
        for rows in parse(answer).rows
        for row in rows.table.to_pylist()
    }


def test_all_that_are_recorded_raw_are_there() -> None:
    assert [path for path, _ in ANSWERS] == [
        *(path for path in LISTED if path.endswith(".xls")),
        "ici/combined_flows_data_2017.txt",
    ]


@pytest.mark.parametrize(("path", "answer"), ANSWERS, ids=lambda p: p if isinstance(p, str) else "")
def test_it_agrees_with_the_manifest(path: str, answer: Answer) -> None:
    parsed, listed = parse(answer), LISTED[path]
    assert parsed.records == listed.records
    assert (min(days(parsed)), max(days(parsed))) == listed.span
    assert not parsed.warnings
    assert not parsed.skipped
    assert {rows.as_of for rows in parsed.rows} == {answer.fetched_at}


@pytest.mark.parametrize(("path", "answer"), ANSWERS, ids=lambda p: p if isinstance(p, str) else "")
def test_the_parts_make_the_whole(path: str, answer: Answer) -> None:
    """Sums in ICI's sheets are off by rounding only: no column is taken for another."""
    for (_, day), (total, equity, home, world, hybrid, bond, taxed, free, goods) in figures(
        answer
    ).items():
        assert home is not None and world is not None and taxed is not None and free is not None
        assert equity is not None and hybrid is not None and bond is not None
        assert equity == pytest.approx(home + world, abs=2), (path, day)
        assert bond == pytest.approx(taxed + free, abs=2), (path, day)
        assert total == pytest.approx(equity + hybrid + bond + (goods or 0.0), abs=3), (path, day)


def test_successive_snapshots_restate_figures() -> None:
    snapshots = [figures(answer) for path, answer in ANSWERS if path.endswith(".xls")]
    restated = [
        sum(before[key] != after[key] for key in before.keys() & after.keys())
        for before, after in pairwise(snapshots)
    ]
    assert all(3 <= count <= 91 for count in restated), restated


def test_a_vanished_week_has_become_part_of_its_month() -> None:
    first, second = (figures(answer) for _, answer in ANSWERS[:2])
    gone = {day for name, day in first.keys() - second.keys() if name == "ici_etf_weekly_flows"}
    months = {day for name, day in second if name == "ici_etf_monthly_flows"}
    assert len(gone) == 7
    assert max(gone) <= max(months)
