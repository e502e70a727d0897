"""The generated SQL and JSON Schema: printed whole, and the committed file as it is generated."""

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from services.cli.app import application
from shared.registry import discover
from tests.command_line import ROOT, Shell, one_line


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(application(), ["schema", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_committed_schema_is_what_the_datasets_declare() -> None:
    committed = (ROOT / "sql/init/01_schema.sql").read_text(encoding="utf-8")
    assert committed == printed("sql"), "make schema writes it anew"


def test_a_dataset_alone_brings_what_it_needs() -> None:
    text = printed("sql", "fred", "--backend", "duckdb")
    assert 'CREATE TABLE IF NOT EXISTS "fred_data_revisions"' in text
    assert '"dead_letters"' in text
    assert "yfinance" not in text


@pytest.mark.parametrize("name", discover().names())
def test_the_json_schema_of_one_is_that_among_all(name: str) -> None:
    one = json.loads(printed("json", name))
    assert one == json.loads(printed("json"))[name]
    assert one["additionalProperties"] is False
    assert one["x-entity"] in one["required"]


def test_checking_and_applying_need_no_broker(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    missing = shell.run("schema", "check")
    assert missing.returncode == 78
    assert "econstream up" in one_line(missing.stderr)
    applied = shell.run("schema", "apply")
    assert applied.returncode == 0, applied.stderr
    assert "no broker is known" in applied.stdout
    assert "duckdb: created table fred_data\n" in applied.stdout
    assert "missing" not in applied.stdout
    assert shell.run("schema", "check").returncode == 0
    create_drift(shell.folder / "data/econstream.duckdb")
    drift = shell.run("schema", "check", "--json")
    assert drift.returncode == 1
    assert any("fred_data" in row["difference"] for row in json.loads(drift.stdout))


def create_drift(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("ALTER TABLE fred_data RENAME COLUMN value TO price")
