"""Completes the OpenAPI document by what the registry knows: each dataset's rows, and its name."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from services.api.catalogue import describe
from services.api.problems import SCHEMA, described
from shared.dataset import Dataset
from shared.registry import Registry

TAGS = {
    "data": "Rows of a dataset, now or as they were known at a moment, in any format.",
    "live": "New versions as they are stored.",
    "ingest": "Rows posted by programs; the answer comes once the broker has them.",
    "datasets": "Which datasets there are, what their fields mean, how fresh they are.",
    "refreshes": "What the refreshes of the sources did.",
    "administration": "How everything stands, and what was refused.",
    "health": "For whoever watches over the process.",
}
_GUARDED = described(401, 403, 429)
_EXAMPLES: dict[str, Any] = {
    "getHealth": {"status": "ok"},
    "getReadiness": {"status": "ready", "dependencies": {"database": "ok"}},
}
Document = dict[str, Any]


def complete(app: FastAPI, registry: Registry) -> None:
    """Let the application answer with the complete document; it is made once."""
    plain = app.openapi

    def openapi() -> Document:
        if not app.openapi_schema:
            app.openapi_schema = _completed(plain(), registry)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents


def _completed(document: Document, registry: Registry) -> Document:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = SCHEMA
    schemas |= {title_of(dataset): row_schema(dataset) for dataset in registry}
    rows = {"anyOf": [_reference(title_of(dataset)) for dataset in registry]}
    for path, operation in _operations(document):
        _name_datasets(operation, registry, aliases="/ingest/" in path)
        if "security" in operation:
            operation["responses"] = operation["responses"] | {
                str(status): told for status, told in _GUARDED.items()
            }
        for status, response in operation["responses"].items():
            _refer(response.get("content", {}), rows)
            _illustrate(operation["operationId"], status, response, registry)
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    return document


def title_of(dataset: Dataset) -> str:
    """Return the name of a dataset's schema, fit for a class: FredData."""
    return "".join(part.capitalize() for part in dataset.name.split("_"))


def row_schema(dataset: Dataset) -> Document:
    """Return the schema of a row in an answer, which holds all its fields or those asked for."""
    schema = dataset.row.model_json_schema()
    kept = {name: schema[name] for name in ("description", "properties", "$defs") if name in schema}
    if dataset.versioned:
        about = {"type": "string", "format": "date-time", "description": "when it became known"}
        kept["properties"] = kept["properties"] | {"as_of": about}
    return {"type": "object", "title": title_of(dataset)} | kept


def _operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _name_datasets(operation: Document, registry: Registry, *, aliases: bool) -> None:
    names = registry.names()
    if aliases:
        names = [*names, *(dataset.alias for dataset in registry if dataset.alias)]
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"] in ("dataset", "source"):
            parameter["schema"] = {"type": "string", "enum": names}
            parameter["example"] = "fred_data"
            parameter["description"] = "the dataset" + (", or its alias" if aliases else "")


def _refer(content: Document, rows: Document) -> None:
    """Refer to the schemas of problems and rows, which stand in one place each."""
    for kind, told in content.items():
        if kind == "application/problem+json":
            told["schema"] = _reference("Problem")
        elif "next_cursor" in told.get("schema", {}).get("properties", {}):
            data = {"type": "array", "items": rows}
            properties = told["schema"]["properties"] | {"data": data}
            told["schema"] = told["schema"] | {"properties": properties}


def _illustrate(name: str, status: str, response: Document, registry: Registry) -> None:
    """Give an example where the route has none of its own."""
    for kind, told in response.get("content", {}).items():
        if {"example", "examples"} & told.keys():
            continue
        if kind == "application/problem+json":
            told["example"] = _problem(status, response["description"])
        elif name in _EXAMPLES:
            told["example"] = _EXAMPLES[name]
        elif name in ("getDataset", "listDatasets"):
            entry = _entry(registry)
            told["example"] = entry if name == "getDataset" else {"data": [entry]}
        elif kind == "text/plain":
            told["example"] = 'econstream_api_requests_total{method="GET",status="200"} 1.0\n'


def _problem(status: str, title: str) -> Document:
    return {
        "type": f"urn:problem-type:econstream:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": int(status),
        "detail": "what happened and what to do",
        "instance": "/v1/data/fred_data",
    }


def _entry(registry: Registry) -> Document:
    dataset = next(iter(registry))
    counted = {"rows": 2, "first": "2026-01-01", "last": "2026-01-02", "flagged": {}}
    fresh = {"newest_as_of": "2026-01-02T21:00:00.000000Z", "expected_next": "2026-01-05"}
    return describe(dataset) | counted | fresh


def _reference(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}
