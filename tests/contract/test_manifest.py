"""All that was recorded: every line of the manifest is counted, or said not to be and why."""

from collections import Counter

import pytest

from services.fetcher.answer import UnknownNameError
from tests.contract.counted import NO_RECORDS, UNREAD, by_dataset, counted, expected
from tests.contract.recorded import ABSENT, WHY_SKIPPED, manifest, parse, recorded_answers

pytestmark = pytest.mark.skipif(ABSENT, reason=WHY_SKIPPED)


def test_every_line_of_the_manifest_is_played_back_or_said_why_not() -> None:
    played = counted().keys()
    left = [recorded.path for recorded in manifest() if recorded.path not in played]
    reasons = [[begins for begins in UNREAD if path.startswith(begins)] for path in left]
    assert [path for path, why in zip(left, reasons, strict=True) if len(why) != 1] == []
    assert {begins for why in reasons for begins in why} == UNREAD.keys()
    assert [path for path in played if path.startswith(tuple(UNREAD))] == []


def test_every_answer_says_as_many_records_as_the_manifest_counts() -> None:
    lines = counted()
    answers = dict(recorded_answers("")) | {
        recorded.path: recorded.answer() for recorded in manifest("fred/series_meta")
    }
    assert answers.keys() == lines.keys()
    wrong = {}
    for path, answer in answers.items():
        found: Counter[str] = Counter()
        try:
            parsed = parse(answer)
        except UnknownNameError:
            assert path in NO_RECORDS
        else:
            assert (path, parsed.skipped) == (path, {})
            for rows in parsed.rows:
                found[rows.dataset.name] += rows.table.num_rows
        if by_dataset(found) != expected(lines[path]):
            wrong[path] = (by_dataset(found), expected(lines[path]))
    assert wrong == {}
