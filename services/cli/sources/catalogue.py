"""Datasets and sources as the command line lists and describes them."""

from typing import Any

import typer

from services.cli.output import document, listing, say
from services.fetcher.registry import SourceRegistry
from services.fetcher.registry import discover as discover_sources
from services.fetcher.source import Source
from shared import registry
from shared.dataset import Dataset


def list_datasets(*, as_json: bool) -> None:
    """Print a line for each dataset."""
    columns = ("dataset", "key", "cadence", "description")
    rows = [
        (d.name, list(d.key), d.cadence, _first_sentence(d.documentation))
        for d in registry.discover()
    ]
    listing(columns, rows, as_json=as_json)


def describe_dataset(name: str, prefix: str, *, as_json: bool) -> None:
    """Print all there is to know about a dataset without asking the database."""
    dataset = find_dataset(name)
    columns = ("field", "type", "null", "key", "unit", "description")
    rows = [
        (c.name, c.kind.label, c.nullable, c.name in dataset.key, c.unit, c.comment)
        for c in dataset.columns
    ]
    facts: dict[str, Any] = {
        "dataset": dataset.name,
        "alias": dataset.alias,
        "topic": dataset.topic(prefix),
        "entity": dataset.entity,
        "key": list(dataset.key),
        "time": dataset.time,
        "cadence": dataset.cadence,
        "versioned": dataset.versioned,
        "filters": list(dataset.selectable),
        "retention": str(dataset.retention) if dataset.retention else None,
        "checks": [f"{check.name} ({check.about})" for check in dataset.checks],
    }
    if as_json:
        fields = [dict(zip(columns, row, strict=True)) for row in rows]
        document(facts | {"documentation": dataset.documentation, "fields": fields})
        return
    _describe(dataset.documentation, facts)
    listing(columns, rows, as_json=False)


def find_dataset(name: str) -> Dataset:
    """Return the dataset of this name or alias; wrong usage where there is none."""
    found = registry.discover()
    dataset = found.find(name)
    if dataset is None:
        raise typer.BadParameter(
            f"no dataset is called {name!r}: there are {', '.join(found.names())}"
        )
    return dataset


def list_sources(*, as_json: bool) -> None:
    """Print a line for each source."""
    columns = ("source", "fills", "every", "description")
    rows = [
        (s.name, [d.name for d in s.datasets], _period(s), _first_sentence(s.documentation))
        for s in discover_sources()
    ]
    listing(columns, rows, as_json=as_json)


def describe_source(name: str, *, as_json: bool) -> None:
    """Print all there is to know about a source without asking it."""
    source = find_source(discover_sources(), name)
    facts = _facts(source) | {"requests_per_second": source.per_second}
    if as_json:
        document(facts | {"documentation": source.documentation})
    else:
        _describe(source.documentation, facts)


def find_source(sources: SourceRegistry, name: str) -> Source:
    """Return the source of this name; wrong usage where there is none."""
    source = sources.find(name)
    if source is None:
        raise typer.BadParameter(
            f"no source is called {name!r}: there are {', '.join(sources.names())}"
        )
    return source


def _facts(source: Source) -> dict[str, Any]:
    return {
        "source": source.name,
        "fills": [dataset.name for dataset in source.datasets],
        "watches": source.watches,
        "every": _period(source),
        "hosts": list(source.hosts),
    }


def _period(source: Source) -> str:
    return str(source.cadence or source.every).removesuffix(", 0:00:00")


def _describe(documentation: str, facts: dict[str, Any]) -> None:
    say(f"{documentation}\n")
    for name, value in facts.items():
        if value is not None:
            text = ", ".join(value) if isinstance(value, list) else str(value)
            say(f"{name.replace('_', ' '):<20} {text}")
    say("")


def _first_sentence(documentation: str) -> str:
    paragraph = " ".join(documentation.split("\n\n", 1)[0].split())
    return paragraph.partition(". ")[0].removesuffix(".")
