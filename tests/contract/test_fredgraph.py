"""FRED's graph downloads as recorded: counts and spans of the manifest."""

import pyarrow.compute as pc
import pytest

from services.fetcher.answer import UnreadableAnswer
from services.fetcher.sources.fredgraph import SOURCE
from tests.contract.recorded import ABSENT, WHY_SKIPPED, Recorded, manifest, recorded_answers

pytestmark = pytest.mark.skipif(ABSENT, reason=WHY_SKIPPED)

FILES = manifest("fredgraph")
RESAVED = [recorded for recorded in FILES if "RE-SAVED" in recorded.notable]
RAW = [recorded for recorded in FILES if recorded not in RESAVED]


def test_the_manifest_lists_what_these_tests_are_about() -> None:
    assert (len(RAW), len(RESAVED)) == (7, 3)


@pytest.mark.parametrize("recorded", RAW, ids=lambda r: r.path)
def test_every_line_of_a_file_is_read(recorded: Recorded) -> None:
    (answer,) = [found for path, found in recorded_answers("fredgraph/") if path == recorded.path]
    assert SOURCE.matches(answer.url)
    parsed = SOURCE.parse(answer)
    series = answer.query["id"].split(",")
    assert len(parsed.rows) == len(series)
    assert parsed.records + sum(parsed.skipped.values()) == (recorded.records or 0) * len(series)
    days = [rows.table["date"] for rows in parsed.rows]
    span = min(pc.min(day).as_py() for day in days), max(pc.max(day).as_py() for day in days)
    assert span == recorded.span
    for rows in parsed.rows:
        for row in rows.table.to_pylist()[:500]:
            rows.dataset.row.model_validate(row)


@pytest.mark.parametrize("recorded", RESAVED, ids=lambda r: r.path)
def test_a_header_that_fred_does_not_write_is_refused(recorded: Recorded) -> None:
    with pytest.raises(UnreadableAnswer, match="the header is not DATE or observation_date"):
        SOURCE.parse(recorded.answer())
