"""The progress of a fetch where there is no terminal: a line now and then."""

import datetime as dt

import pytest

from services.cli.sources.fetching import answers_bar, lines_of_progress
from services.fetcher.runs.run import RunSummary


def summary(source: str) -> RunSummary:
    now = dt.datetime.now(dt.UTC)
    found = RunSummary(source, "fred_data", "x", now, planned=1_200)
    found.answers, found.records = 7, 123_456
    return found


def test_a_pipe_gets_a_line_a_source(capsys: pytest.CaptureFixture[str]) -> None:
    show = lines_of_progress(every=0.0)
    for source in ("fred", "yahoo"):
        show(summary(source))
    assert capsys.readouterr().err.splitlines() == [
        "fred: 7 of 1,200 answers, 123,456 records",
        "yahoo: 7 of 1,200 answers, 123,456 records",
    ]


def test_a_short_fetch_says_nothing_before_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    with answers_bar() as show:
        for _ in range(3):
            show(summary("fred"))
    assert capsys.readouterr() == ("", "")
