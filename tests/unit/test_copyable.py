"""Which statements may be read by COPY: none in whose text a placeholder could hide."""

from types import SimpleNamespace
from typing import Any

import pytest

from shared.database.postgres.bulk import copyable


def statement(columns: list[str], parameters: list[str]) -> Any:
    named = [SimpleNamespace(name=name) for name in parameters]
    attributes = [SimpleNamespace(name="c", type=SimpleNamespace(name=name)) for name in columns]
    return SimpleNamespace(get_attributes=lambda: attributes, get_parameters=lambda: named)


PLAIN = statement(["text", "float8", "timestamptz"], ["text[]", "date"])


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT c."a" FROM "t" AS c WHERE c."a" = ANY($1) AND c."d" >= $2 ORDER BY c."a"',
        "SELECT a FROM t WHERE a = ANY($1) AND d = $2 LIMIT 10",
    ],
)
def test_plain_statements_are(sql: str) -> None:
    assert copyable(PLAIN, sql, (["a"], "d"))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT '$1' FROM t",
        "SELECT a FROM t WHERE a = 'costs $1'",
        'SELECT "$1" FROM t',
        'SELECT "a $1" FROM t',
        'SELECT U&"a" FROM t -- $1',
        "SELECT a /* $1 */ FROM t",
        "SELECT $$ $1 $$",
        "SELECT $x$ $1 $x$",
        "SELECT E\\1 FROM t",
        "SELECT 1; SELECT $1",
    ],
)
def test_statements_with_texts_comments_or_odd_names_are_not(sql: str) -> None:
    assert not copyable(PLAIN, sql, (["a"], "d"))


def test_types_that_differ_by_the_two_ways_are_not() -> None:
    for name in ("text[]", "numeric", "bytea", "interval", "json"):
        assert not copyable(statement(["text", name], []), "SELECT a, b FROM t", ())
        assert not copyable(statement(["text"], [f"{name}[]"]), "SELECT a FROM t", ([],))


def test_null_is_no_setting() -> None:
    assert not copyable(PLAIN, "SELECT a FROM t WHERE a = ANY($1) AND d = $2", (["a"], None))
