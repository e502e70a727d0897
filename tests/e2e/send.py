"""What is sent to a deployment in rounds, and the ledger of what must be stored of it."""

import json
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path

from services.processor.bars import from_table
from services.processor.technical import technical_features
from services.processor.ticker import rebuilt
from tests.e2e.deployment import Deployment
from tests.loading import bar
from tests.waiting import until_sync

ROUND_BARS = 15_000
_PART_BARS = 5_000
_SENT_WITHIN_S = 180
PRODUCED = "ticker ~ '^T[0-9]+$'"
_BARS_A_TICKER = 2_500
# A prediction is made from 74 returns: of each ticker's first 74 bars there is none. Two models
# have two targets each.
_UNTOLD, _TOLD_A_BAR = 74, 4


def write(path: Path, number: int) -> Path:
    """Write what a round sends: bars of its own, and new openings for those of the one before."""
    again = (_bar(n, open_=2.0) for n in _round(number - 1) if number)
    path.write_bytes(b"\n".join(chain(map(_bar, _round(number)), again)))
    return path


def _bar(number: int, open_: float = 1.0) -> bytes:
    close = 100.0 + (number * 7919 % 101) / 10
    return bar(number, open_=open_, close=close, high=120.0, low=90.0)


def first(number: int) -> int:
    """Return how many bars all rounds before this one have sent."""
    return _round(number)[0]


def _round(number: int) -> range:
    return range(number * ROUND_BARS, (number + 1) * ROUND_BARS)


def produce(deployment: Deployment, rows: Path) -> None:
    """Send a file until the broker has acknowledged all of it, as a program would.

    It goes in parts, one after the other: sent at once it is stored before a fault can meet it.
    """
    lines = rows.read_bytes().splitlines()
    for number, begin in enumerate(range(0, len(lines), _PART_BARS)):
        part = rows.with_suffix(f".part-{number}")
        part.write_bytes(b"\n".join(lines[begin : begin + _PART_BARS]))
        until_sync(partial(_is_sent, deployment, part), _SENT_WITHIN_S, every=1)


def _is_sent(deployment: Deployment, rows: Path) -> bool:
    send = ("produce", "yfinance_ohlcv")
    return deployment.once("fetcher", *send, stdin=rows).returncode == 0


def all_is_stored(deployment: Deployment, rounds: int) -> bool:
    """Return whether everything of some rounds has arrived, as far as counting can tell."""
    revised = f"SELECT count(*) FROM yfinance_ohlcv_revisions WHERE {PRODUCED}"
    counts = deployment.sql(f"SELECT count(*), ({revised}) FROM yfinance_ohlcv WHERE {PRODUCED}")
    return counts == f"{first(rounds)}|{first(rounds - 1)}"


def stored(deployment: Deployment) -> int:
    """Return how many different bars of all rounds are stored."""
    return int(deployment.sql(f"SELECT count(*) FROM yfinance_ohlcv WHERE {PRODUCED}"))


def lag(deployment: Deployment) -> int:
    """Return how much of what is on the topics is not stored; 1 where it cannot be told."""
    with suppress(AssertionError):
        show = ("econstream", "offsets", "show", "--json")
        return sum(place["lag"] for place in json.loads(deployment.inside("loader", *show)))
    return 1


def check(deployment: Deployment, rounds: int) -> None:
    """Hold the store to the ledger: each bar once, with its last opening and the one before it."""
    last = _round(rounds - 1)[0]
    bars = [json.loads(bar(n, open_=1.0 + (n < last))) for n in range(rounds * ROUND_BARS)]
    expected = {(b["ticker"], b["date"], b["open"]) for b in bars}
    lines = deployment.csv("yfinance_ohlcv", fields="ticker,date,open").splitlines()[1:]
    found = [(t, day, float(o)) for t, day, o in (line.split(",") for line in lines)]
    ours = [each for each in found if each[0][0] == "T" and each[0][1:].isdigit()]
    assert set(ours) == expected and len(ours) == len(expected)
    revised = deployment.sql(
        "SELECT count(*), count(DISTINCT (r.ticker, r.date)), sum((t.open = r.open + 1)::int) "
        "FROM yfinance_ohlcv_revisions r JOIN yfinance_ohlcv t USING (ticker, date) "
        f"WHERE {PRODUCED}"
    )
    assert revised == "|".join([str(last)] * 3)
    assert deployment.sql("SELECT count(*) FROM dead_letters") == "0"


def all_is_derived(deployment: Deployment, rounds: int) -> bool:
    """Return whether the bars of some rounds have their features and predictions."""
    predicted = f"SELECT count(*) FROM ml_predictions WHERE {PRODUCED}"
    counts = deployment.sql(
        f"SELECT count(*), ({predicted}) FROM technical_features WHERE {PRODUCED}"
    )
    bars, untold = first(rounds), len(_tickers(rounds)) * _UNTOLD
    return counts == f"{bars}|{_TOLD_A_BAR * (bars - untold)}"


def check_derived(deployment: Deployment, rounds: int) -> None:
    """Hold what is derived to its bars: each figure as if computed at once, and no version more."""
    for ticker in _tickers(rounds):
        bars, found = (
            deployment.table(name, ticker=ticker)
            for name in ("yfinance_ohlcv", "technical_features")
        )
        expected, _ = technical_features(ticker, *rebuilt(from_table(bars))[1])
        assert found.select(expected.column_names).equals(expected), ticker
    for name in ("technical_features", "ml_predictions"):
        assert deployment.sql(f"SELECT count(*) FROM {name}_revisions WHERE {PRODUCED}") == "0"


def _tickers(rounds: int) -> list[str]:
    return [f"T{number}" for number in range(first(rounds) // _BARS_A_TICKER)]
