"""What the demo shows of the stored rows: how many there are, and answers worth seeing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.api.queries import count_rows
from shared.database.base import Database
from shared.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Answer:
    """A question that the samples answer, and the SQL that does it."""

    question: str
    sql: str


ANSWERS = (
    Answer(
        "US GDP of the quarters of 2008 (US$ billions a year): what was known on 2008-10-30, "
        "the day of the first estimate, and what is known today",
        """
        SELECT now.date AS quarter, early.value AS known_2008_10_30, now.value AS known_today,
               round(100 * (now.value / early.value - 1), 2) AS revised_percent
        FROM fred_data AS now
        LEFT JOIN fred_data_as_of('2008-10-30 23:59:59.999999+00') AS early
          ON early.series_id = now.series_id AND early.date = now.date
        WHERE now.series_id = 'GDP' AND now.date BETWEEN '2008-01-01' AND '2008-12-31'
        ORDER BY quarter
        """,
    ),
    Answer(
        "The US Treasury yield curve on its newest day",
        """
        SELECT maturity, series_id, d.date, d.value AS percent
        FROM (VALUES (1, '3 months', 'DGS3MO'), (2, '6 months', 'DGS6MO'), (3, '1 year', 'DGS1'),
                     (4, '2 years', 'DGS2'), (5, '10 years', 'DGS10'), (6, '20 years', 'DGS20'),
                     (7, '30 years', 'DGS30')) AS m (position, maturity, series_id)
        JOIN fred_data AS d USING (series_id)
        WHERE d.value IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY series_id ORDER BY d.date DESC) = 1
        ORDER BY position
        """,
    ),
    Answer(
        "The three days of greatest fear (VIX at its close), and what Tesla's share did on them",
        """
        SELECT v.date, v.close AS vix, t.close AS tsla, t.percent AS tsla_change_percent
        FROM cboe_vix_history AS v
        JOIN (
          SELECT date, round(close, 2) AS close,
                 round(100 * (close / lag(close) OVER (ORDER BY date) - 1), 2) AS percent
          FROM yfinance_ohlcv WHERE ticker = 'TSLA'
        ) AS t USING (date)
        WHERE v.symbol = 'VIX' ORDER BY vix DESC LIMIT 3
        """,
    ),
)


async def count_all(
    database: Database, datasets: Iterable[Dataset]
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Return, for each dataset, how many rows are current, how many were before, and their span."""
    rows = []
    for dataset in datasets:
        counted = (await database.fetch(count_rows(dataset))).to_pylist()[0]
        earlier = None
        if dataset.versioned:
            table = await database.fetch(f'SELECT count(*) AS n FROM "{dataset.revisions}"')  # noqa: S608  # the registry's name
            earlier = table["n"][0].as_py()
        rows.append(
            (
                dataset.name,
                counted["row_count"],
                earlier,
                _day(counted["first_time"]),
                _day(counted["last_time"]),
            )
        )
    return ("dataset", "rows", "earlier_versions", "first", "last"), rows


def _day(moment: Any) -> str | None:
    return None if moment is None else str(moment)[:10]
