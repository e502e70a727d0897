"""CBOE's recorded option chain: counts of the manifest, and CBOE's own figure of volatility."""

import datetime as dt

import orjson
import pyarrow.compute as pc
import pytest

from services.fetcher.answer import Answer
from tests.contract.recorded import ABSENT, WHY_SKIPPED, manifest, parse, recorded_answers

pytestmark = pytest.mark.skipif(ABSENT, reason=WHY_SKIPPED)

LISTED = {r.path: r for r in manifest("cboe/delayed_quotes_options")}


@pytest.fixture
def answer() -> Answer:
    ((path, answer),) = recorded_answers("cboe/delayed_quotes_options/")
    assert path in LISTED
    return answer


def test_every_contract_is_read(answer: Answer) -> None:
    parsed = parse(answer)
    chain, whole = (rows.table for rows in parsed.rows)
    (listed,) = LISTED.values()
    assert chain.num_rows == listed.records == whole["contracts_used"][0].as_py()
    assert chain["iv"].null_count == 354
    assert not parsed.warnings


def test_it_is_dated_by_the_trading_day_and_not_by_the_weekend_it_was_fetched_on(
    answer: Answer,
) -> None:
    for rows in parse(answer).rows:
        assert rows.table["date"].unique().to_pylist() == [dt.date(2026, 7, 24)]
        assert rows.as_of == answer.fetched_at


def test_the_volatility_is_near_that_of_cboe(answer: Answer) -> None:
    theirs = orjson.loads(answer.body)["data"]["iv30"] / 100
    (ours,) = parse(answer).rows[1].table["implied_volatility"].to_pylist()
    assert ours == pytest.approx(theirs, abs=0.005)


def test_sums_are_those_of_the_chain(answer: Answer) -> None:
    chain, whole = (rows.table for rows in parse(answer).rows)
    (found,) = whole.to_pylist()
    assert found["put_volume"] + found["call_volume"] == pc.sum(chain["volume"]).as_py()
    assert found["open_interest"] == pc.sum(chain["open_interest"]).as_py()


def test_rows_keep_the_law_of_their_dataset(answer: Answer) -> None:
    for rows in parse(answer).rows:
        for row in rows.table.to_pylist():
            rows.dataset.row.model_validate(row)
