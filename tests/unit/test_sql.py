"""The generated statements: identifiers from the declaration, values never in the text."""

import re
from dataclasses import replace

import pytest

from shared.database.ddl import DUCKDB, POSTGRESQL, schema
from shared.database.sql import INTRICATE, Statements, listed, quote
from shared.dataset import Dataset
from shared.errors import Fatal
from shared.registry import discover
from tests.batches import EVENTS, MEASURES, Event
from tests.strategies import EVERYTHING

DATASETS = [*discover(), MEASURES, EVENTS, EVERYTHING]
LONGEST_NAME = 63
"""Bytes of a name that PostgreSQL keeps."""


def statements(dataset: Dataset) -> list[str]:
    """Return every statement that writing a dataset may need."""
    sql = Statements(dataset)
    always = [sql.insert_new(lock=True), sql.insert_new(lock=False)]
    if not dataset.versioned:
        return [*always, sql.overwrite]
    versions = [sql.confirm, sql.archive, sql.replace, sql.late, sql.runs]
    changes = [sql.delete_revisions, sql.insert_revisions, sql.update_current]
    return [*always, *versions, *changes]


def loaded(dataset: Dataset) -> set[str]:
    """Return the names of the tables that a transaction loads."""
    sql = Statements(dataset)
    return {sql.incoming_name, sql.keys_name, sql.gone_name, sql.put_name, sql.change_name}


@pytest.mark.parametrize(
    "name", ["", " ", "a b", 'a"b', "a;b", "1a", "é", "a-b", "a.b", "a'b", "a\n", "--"]
)
def test_what_no_declaration_could_have_made_is_no_identifier(name: str) -> None:
    with pytest.raises(Fatal, match="is no column or table name"):
        quote(name)


def test_identifiers_are_quoted() -> None:
    assert quote("order") == '"order"'
    assert listed(["a", "b"]) == '"a", "b"'
    assert listed(["a", "b"], "c") == 'c."a", c."b"'


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_statements_name_what_is_declared_and_hold_no_value(dataset: Dataset) -> None:
    declared = {c.name for c in dataset.stored} | {dataset.name, dataset.revisions, INTRICATE}
    for statement in statements(dataset):
        assert set(re.findall(r'"([^"]*)"', statement)) <= declared | loaded(dataset)
        assert "'" not in statement
        assert not re.search(r"\b\d", statement.replace("EXISTS (SELECT 1 ", "EXISTS (SELECT "))


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_every_name_is_kept_whole(dataset: Dataset) -> None:
    names = {name for sql in statements(dataset) for name in re.findall(r'"([^"]*)"', sql)}
    made = [*schema([dataset], POSTGRESQL), *schema([dataset], DUCKDB)]
    names |= {name for sql in made for name in re.findall(r'"([^"]*)"', sql)}
    assert max(map(len, names)) <= LONGEST_NAME


def test_the_longest_name_is_kept_whole_too() -> None:
    dataset = replace(MEASURES, name="m" * 40)
    assert max(map(len, loaded(dataset))) <= LONGEST_NAME


def test_a_declaration_with_other_columns_loads_into_other_tables() -> None:
    """A pooled connection keeps the tables that an older declaration made."""
    other = replace(EVENTS, row=Other)
    assert not loaded(other) & loaded(EVENTS)
    assert loaded(replace(EVENTS)) == loaded(EVENTS)


class Other(Event):
    """An event that says one thing more."""

    more: str


@pytest.mark.parametrize(
    "dataset", [d for d in DATASETS if d.versioned], ids=lambda dataset: dataset.name
)
def test_a_confirmation_touches_no_key_no_lineage_and_no_version(dataset: Dataset) -> None:
    """What it sets is in no index, so that PostgreSQL may keep the row where it is."""
    sets = Statements(dataset).confirm.partition(" SET ")[2].partition(" FROM ")[0]
    changed = {name.strip('"') for name in re.findall(r'("?\w+"?) = ', sets)} - {"updated_at"}
    assert changed == {"confirmed_as_of", *dataset.unversioned}
