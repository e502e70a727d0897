"""The OpenAPI document is complete: examples, tags, problems, a schema for each dataset."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.api.app import create_app
from shared.registry import discover
from shared.settings import Settings
from tests.api import ScriptedDatabase


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(ScriptedDatabase().as_database, discover(), Settings()).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_every_answer_has_an_example_and_every_error_is_a_problem(document: dict[str, Any]) -> None:
    packed = ("application/vnd.apache.parquet", "application/vnd.apache.arrow.stream")
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            content = response.get("content", {})
            if int(status) >= 400:
                assert list(content) == ["application/problem+json"], (name, status)
                schema = content["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}
            for kind, told in content.items():
                assert "example" in told or kind in packed, (name, status, kind)


def test_operation_ids_make_names_and_tags_are_described(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert all(each.isidentifier() for each in ids)
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert all(set(operation["tags"]) <= tags.keys() for _, operation in operations(document))
    for name, operation in operations(document):
        assert operation["summary"], name
        if operation.get("security"):
            assert {"401", "403", "429"} <= operation["responses"].keys(), name


def test_each_dataset_has_a_schema_and_is_named_where_one_is_chosen(
    document: dict[str, Any],
) -> None:
    schemas = document["components"]["schemas"]
    fred = schemas["FredData"]["properties"]
    assert fred["value"]["description"]
    assert list(fred) == ["series_id", "date", "value", "as_of"]
    assert len(schemas) == len(discover().names()) + 1
    for path in ("/v1/data/{dataset}", "/v1/data/ingest/{source}"):
        (operation,) = document["paths"][path].values()
        (chosen,) = [each for each in operation["parameters"] if each["in"] == "path"]
        assert "yfinance_ohlcv" in chosen["schema"]["enum"]
