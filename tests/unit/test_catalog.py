"""A live catalogue against the declarations: each difference told, and only additions made."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.columns import Column, Kind
from shared.database.catalog import Live, LiveColumn, LiveTable, differences, upgrade
from shared.database.ddl import DUCKDB, POSTGRESQL, Dialect, remark, schema, view
from shared.database.tables import Table, tables
from shared.dataset import Dataset
from shared.errors import ConfigError
from tests.batches import EVENTS, MEASURES

DATASETS = [MEASURES, EVENTS]
Change = Callable[[Live], Live]


@pytest.fixture(params=[POSTGRESQL, DUCKDB], ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = request.param
    return found


def live_column(column: Column, dialect: Dialect) -> LiveColumn:
    spelled = {"timestamptz": "timestamp with time zone"}
    kind = dialect.type_of(column.kind)
    return LiveColumn(spelled.get(kind.lower(), kind), column.nullable, remark(column))


def live_table(table: Table, dialect: Dialect) -> LiveTable:
    columns = {column.name: live_column(column, dialect) for column in table.columns}
    unique = (table.key, table.unique) if table.unique else (table.key,)
    return LiveTable(columns, table.comment, table.key, unique)


def fitting(dialect: Dialect, datasets: list[Dataset] = DATASETS) -> Live:
    """Return what a catalogue says where everything is as declared."""
    views = [view(dataset, dialect) for dataset in datasets if dataset.versioned]
    return Live(
        tables={table.name: live_table(table, dialect) for table in tables(datasets)},
        views={v.name: LiveTable({}, v.comment) for v in views},
        functions=frozenset(v.function for v in views),
        triggered=frozenset(d.name for d in datasets if dialect.triggers),
    )


def in_table(name: str, change: Callable[[LiveTable], LiveTable]) -> Change:
    return lambda live: replace(live, tables={**live.tables, name: change(live.tables[name])})


def in_column(table: str, name: str, **changes: object) -> Change:
    def changed(live: LiveTable) -> LiveTable:
        column = replace(live.columns[name], **changes)  # type: ignore[arg-type]
        return replace(live, columns={**live.columns, name: column})

    return in_table(table, changed)


def without_column(table: str, name: str) -> Change:
    def changed(live: LiveTable) -> LiveTable:
        return replace(live, columns={k: v for k, v in live.columns.items() if k != name})

    return in_table(table, changed)


def without_table(name: str) -> Change:
    return lambda live: replace(live, tables={k: v for k, v in live.tables.items() if k != name})


def test_what_fits_needs_nothing(dialect: Dialect) -> None:
    assert differences(DATASETS, fitting(dialect), dialect) == []
    assert upgrade(DATASETS, fitting(dialect), dialect) == []


def test_an_empty_database_needs_the_whole_schema(dialect: Dialect) -> None:
    empty = Live({}, {}, frozenset(), frozenset())
    told = differences(DATASETS, empty, dialect)
    assert [line for line in told if line.startswith("table")] == [
        f"table {table.name} is missing" for table in tables(DATASETS)
    ]
    statements = upgrade(DATASETS, empty, dialect)
    assert statements[-len(schema(DATASETS, dialect)) :] == schema(DATASETS, dialect)


MENDED: list[tuple[Change, str]] = [
    (without_table("events"), "table events is missing"),
    (without_column("measures", "label"), "column measures.label is missing"),
    (without_column("measures", "updated_at"), "column measures.updated_at is missing"),
    (in_column("measures", "level", comment=None), "column measures.level has another comment"),
    (
        in_table("measures", lambda live: replace(live, comment="something")),
        "table measures has another comment",
    ),
    (lambda live: replace(live, views={}), "view measures_versions is missing"),
    (
        lambda live: replace(live, views={"measures_versions": LiveTable({}, "older")}),
        "view measures_versions is of another definition",
    ),
    (lambda live: replace(live, functions=frozenset()), "function measures_as_of is missing"),
]


@pytest.mark.parametrize(
    ("change", "line"), MENDED, ids=lambda value: value if isinstance(value, str) else "by"
)
def test_what_is_missing_is_told_and_made(dialect: Dialect, change: Change, line: str) -> None:
    live = change(fitting(dialect))
    assert differences(DATASETS, live, dialect) == [line]
    statements = upgrade(DATASETS, live, dialect)
    assert statements[-len(schema(DATASETS, dialect)) :] == schema(DATASETS, dialect)
    added = [statement for statement in statements if "ADD COLUMN" in statement]
    assert len(added) == (line.startswith("column") and line.endswith("is missing"))
    dropped = [statement for statement in statements if "DROP" in statement]
    assert not any("TABLE" in statement or "COLUMN" in statement for statement in dropped)


MISFITS: list[tuple[Change, str]] = [
    (in_column("measures", "level", type="integer"), "column measures.level is integer, not "),
    (in_column("measures", "as_of", nullable=True), "column measures.as_of allows null"),
    (in_column("measures", "site", nullable=True), "column measures.site allows null"),
    (in_column("measures", "level", nullable=False), "column measures.level refuses null"),
    (
        in_table("events", lambda live: replace(live, key=("status",))),
        "table events has the key ('status',), not ('run',)",
    ),
    (in_table("events", lambda live: replace(live, key=())), "table events has the key ()"),
    (
        in_table("dead_letters", lambda live: replace(live, unique=(("id",),))),
        "table dead_letters lets ('cluster_id', 'topic', 'partition', 'offset') come twice",
    ),
    (without_column("measures", "as_of"), "column measures.as_of is new and may not be null"),
]


@pytest.mark.parametrize(
    ("change", "line"), MISFITS, ids=lambda value: value if isinstance(value, str) else "by"
)
def test_what_would_have_to_be_rewritten_is_refused(
    dialect: Dialect, change: Change, line: str
) -> None:
    live = change(fitting(dialect))
    assert any(told.startswith(line) for told in differences(DATASETS, live, dialect))
    with pytest.raises(ConfigError, match="Nothing was changed") as refusal:
        upgrade(DATASETS, live, dialect)
    assert line in str(refusal.value)


def test_a_misfit_is_refused_even_where_something_is_missing(dialect: Dialect) -> None:
    live = without_table("events")(MISFITS[0][0](fitting(dialect)))
    with pytest.raises(ConfigError):
        upgrade(DATASETS, live, dialect)


def test_a_column_that_is_not_ours_is_told_and_left_alone(dialect: Dialect) -> None:
    extra = LiveColumn("text", nullable=True, comment=None)
    live = in_table(
        "measures", lambda table: replace(table, columns={**table.columns, "mine": extra})
    )(fitting(dialect))
    assert differences(DATASETS, live, dialect) == ["column measures.mine is not declared"]
    assert upgrade(DATASETS, live, dialect) == []


def test_a_missing_trigger_is_told_where_there_are_triggers() -> None:
    live = replace(fitting(POSTGRESQL), triggered=frozenset({"events"}))
    line = "trigger touch_updated_at on measures is missing"
    assert differences(DATASETS, live, POSTGRESQL) == [line]
    assert upgrade(DATASETS, live, POSTGRESQL)
    none = replace(fitting(DUCKDB), triggered=frozenset())
    assert differences(DATASETS, none, DUCKDB) == []


def test_a_column_that_sorts_by_a_language_is_refused() -> None:
    change = in_column("measures", "label", type="text collated en_US")
    with pytest.raises(ConfigError, match=r"label is text collated en_US, not text"):
        upgrade(DATASETS, change(fitting(POSTGRESQL)), POSTGRESQL)


def test_tables_of_others_are_of_no_interest(dialect: Dialect) -> None:
    live = fitting(dialect)
    theirs = Table("theirs", (Column("n", Kind.BIGINT, "a number"),), ("n",), "not ours")
    live = replace(live, tables={**live.tables, "theirs": live_table(theirs, dialect)})
    assert differences(DATASETS, live, dialect) == []
