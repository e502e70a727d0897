"""Reads ICI's sheets: stacked headers, a block of months, a block of weeks, a footer."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.fetcher.answer import UnreadableAnswer
from services.fetcher.parsing.columns import new_columns
from services.fetcher.parsing.workbook import Cell, Table

FLOWS = (
    *("total_net_flows", "equity_net_flows", "domestic_equity_net_flows"),
    *("world_equity_net_flows", "hybrid_net_flows", "bond_net_flows"),
    *("taxable_bond_net_flows", "municipal_bond_net_flows", "commodity_net_flows"),
)
COMMODITY = "commodity_net_flows"
_BY_WORD = {
    "domestic": "domestic_equity_net_flows",
    "world": "world_equity_net_flows",
    "taxable": "taxable_bond_net_flows",
    "municipal": "municipal_bond_net_flows",
    "hybrid": "hybrid_net_flows",
    "commodity": COMMODITY,
    "equity": "equity_net_flows",
    "bond": "bond_net_flows",
    "total": "total_net_flows",
}
"""The first of these words in a column's stacked header says what it is."""

_FINER = re.compile(
    r"(large|mid|small|multi) cap|other|(developed|emerging) markets"
    r"|investment grade|high yield|government|multisector|global"
)
_FLOWS_LABEL = r"(fund flows|net new cash flows?|net issuance|etf flows|etf net issuance)"
_MONTHLY = re.compile(rf"monthly {_FLOWS_LABEL}")
_WEEKLY = re.compile(rf"estimated weekly {_FLOWS_LABEL}")
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_FIGURE = re.compile(r"\(?-?\d[\d,]*(\.\d+)?\)?", re.ASCII)
_WEDNESDAY = 2


@dataclass(frozen=True, slots=True)
class Block:
    """Periods of one length in order of the sheet: last days, flows, lengths in days."""

    days: list[dt.date]
    flows: Mapping[str, list[float | None]]
    lengths: list[int | None]


@dataclass(frozen=True, slots=True)
class Blocks:
    """What a sheet says, and what in it was odd and did no harm."""

    monthly: Block
    weekly: Block
    warnings: list[str]

    @property
    def newest(self) -> dt.date | None:
        """The last day there are figures of."""
        return max(self.monthly.days + self.weekly.days, default=None)


def read_blocks(table: Table, *, with_commodity: bool) -> Blocks:
    """Return the months and weeks of a sheet.

    Raises UnreadableAnswer that names a header, a block or a figure that is not as it was.
    """
    months, weeks = _find(table, _MONTHLY, "monthly"), _find(table, _WEEKLY, "weekly")
    head = min(months, weeks)
    columns, warnings = _columns(table[:head])
    needed = [name for name in FLOWS if with_commodity or name != COMMODITY]
    if vanished := [name for name in needed if name not in columns]:
        raise UnreadableAnswer(f"no column of the header is {', '.join(vanished)}")
    monthly_days, monthly = _block(table, months, columns)
    weekly_days, weekly = _block(table, weeks, columns)
    if not monthly_days:
        raise UnreadableAnswer("the block of months is empty: truncated or changed")
    return Blocks(
        Block(monthly_days, monthly, [_month_length(day) for day in monthly_days]),
        Block(weekly_days, weekly, _week_lengths(weekly_days)),
        warnings,
    )


def _find(table: Table, label: re.Pattern[str], name: str) -> int:
    """Return the row of a block's label; the footer, which has the word too, is none."""
    for number, row in enumerate(table):
        if row and label.fullmatch(_words(row[0])):
            return number
    raise UnreadableAnswer(f"there is no label of a {name} block: truncated or changed")


def _columns(above: Table) -> tuple[dict[str, int], list[str]]:
    """Return which column each flow stands in, and warnings of columns never seen before."""
    dates = [n for n, row in enumerate(above) if row and _words(row[0]) == "date"]
    if not dates:
        raise UnreadableAnswer("the header has no 'Date'")
    header = above[max(0, dates[-1] - 1) :]
    found: dict[str, int] = {}
    warnings: list[str] = []
    for column in range(1, max(map(len, header))):
        parts = (_words(row[column]) for row in header if column < len(row))
        label = " ".join(part for part in parts if part)
        if not label or _FINER.fullmatch(label):
            continue
        flow = next((_BY_WORD[word] for word in _BY_WORD if word in label.split()), None)
        if flow is None:
            warnings += new_columns([label], (), "ICI's flows")
        elif flow in found:
            raise UnreadableAnswer(f"two columns of the header are {flow}")
        else:
            found[flow] = column
    return found, warnings


def _block(
    table: Table, label: int, columns: Mapping[str, int]
) -> tuple[list[dt.date], dict[str, list[float | None]]]:
    days: list[dt.date] = []
    flows: dict[str, list[float | None]] = {name: [] for name in FLOWS}
    for day, row in _dated(table[label + 1 :]):
        if day in days:
            raise UnreadableAnswer(f"{day} stands twice in a block")
        days.append(day)
        for name in FLOWS:
            column = columns.get(name)
            cell = row[column] if column is not None and column < len(row) else ""
            flows[name].append(_figure(cell, name, day))
    return days, flows


def _dated(rows: Table) -> Iterator[tuple[dt.date, Sequence[Cell]]]:
    """Yield the rows of a block, which ends at the first that begins with no date."""
    for row in rows:
        day = _day(row[0]) if row else None
        if day is None:
            if any(isinstance(cell, float) for cell in row):
                raise UnreadableAnswer(f"figures without a date: {row[0]!r}")
            return
        yield day, row


def _day(cell: Cell) -> dt.date | None:
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    found = _DAY.fullmatch(cell.strip()) if isinstance(cell, str) else None
    if found is None:
        return None
    try:
        return dt.date(int(found[3]), int(found[1]), int(found[2]))
    except ValueError as exc:
        raise UnreadableAnswer(f"{cell!r} is a day that does not exist") from exc


def _figure(cell: Cell, name: str, day: dt.date) -> float | None:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell)
    text = cell.strip() if isinstance(cell, str) else str(cell)
    if text in ("", "-"):
        return None
    if not _FIGURE.fullmatch(text):
        raise UnreadableAnswer(f"{name} of {day} is no number: {text[:50]!r}")
    figure = float(text.strip("()").replace(",", ""))
    return -figure if text.startswith("(") else figure


def _words(cell: Cell) -> str:
    return " ".join(cell.split()).lower() if isinstance(cell, str) else ""


def _month_length(last: dt.date) -> int:
    first_of_next = (last.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    return (first_of_next - dt.timedelta(days=1)).day


def _week_lengths(days: Sequence[dt.date]) -> list[int | None]:
    """Return each week's length: from the week before, for the first from the Wednesday before.

    A week that stands first after Thanksgiving or at the turn of the year is of unknown length:
    the one before it, which is not in the sheet, may have ended early.
    """
    lengths: list[int | None] = []
    for number, day in enumerate(days):
        if number:
            length = (day - days[number - 1]).days
            lengths.append(length if 0 < length <= 10 else None)
        elif (day.month == 12 and day.day <= 4) or (day.month == 1 and day.day <= 8):
            lengths.append(None)
        else:
            lengths.append((day.weekday() - _WEDNESDAY - 1) % 7 + 1)
    return lengths
