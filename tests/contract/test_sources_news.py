"""The recorded feeds of news: counts and days of the manifest."""

import re
from collections import Counter

import pytest

from services.fetcher.answer import Answer
from tests.contract.recorded import ABSENT, WHY_SKIPPED, manifest, parse, recorded_answers

pytestmark = pytest.mark.skipif(ABSENT, reason=WHY_SKIPPED)

LISTED = {r.path: r for r in manifest("news")}
ANSWERS = recorded_answers("news/")
PUBLISHERS = {
    "news/commdash_google_news.xml": 3,
    "news/crawinsight_google.xml": 1,
    "news/yahoo_finance_rssindex_2022-01-08.xml": 14,
}


def test_all_feeds_that_have_a_source_are_there() -> None:
    assert {path for path, _ in ANSWERS} == PUBLISHERS.keys()


@pytest.mark.parametrize(("path", "answer"), ANSWERS, ids=lambda p: p if isinstance(p, str) else "")
def test_it_agrees_with_the_manifest(path: str, answer: Answer) -> None:
    parsed = parse(answer)
    (rows,) = parsed.rows
    found = rows.table.to_pylist()
    assert len(found) == LISTED[path].records
    assert not parsed.skipped
    assert not parsed.warnings
    assert len({row["article_id"] for row in found}) == len(found)
    assert len({row["publisher"] for row in found}) == PUBLISHERS[path]
    assert {row["language"] for row in found} == {"en"}
    kept = [row["title"] for row in found if row["title"].endswith(f" - {row['publisher']}")]
    assert kept in ([], ["Transcript - Reuters"])
    assert not [row for row in found if row["url"] != row["url"].strip()]
    for row in found:
        rows.dataset.row.model_validate(row)


def test_every_item_of_yahoo_keeps_the_day_that_its_text_names() -> None:
    """The manifest's span leaves out the ten items of the day before."""
    ((path, answer),) = [(path, answer) for path, answer in ANSWERS if "yahoo" in path]
    days = Counter(str(m.date()) for m in parse(answer).rows[0].table["published_at"].to_pylist())
    assert days == Counter(re.findall(r"<pubDate>(\d{4}-\d\d-\d\d)T", answer.body.decode()))
    span = LISTED[path].span
    assert span is not None
    assert max(days) == str(span[1])
