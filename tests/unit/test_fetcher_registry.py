"""The registry of sources: built-in ones, plugins, and names that clash."""

from importlib.metadata import EntryPoint

import pytest

from services.fetcher import registry
from services.fetcher.registry import SourceRegistry, discover
from shared.errors import ConfigError
from shared.registry import discover as discover_datasets
from tests.fetching import Numbers


def plug(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint("numbers", value, registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])


def test_every_source_is_documented_and_fills_known_datasets() -> None:
    datasets = discover_datasets()
    sources = discover()
    assert {"cboe", "fred", "yahoo"} <= set(sources.names())
    for source in sources:
        assert len(source.documentation) > 200
        assert all(dataset.name in datasets for dataset in source.datasets)
        assert source.per_second > 0


def test_a_plugin_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Numbers()
    monkeypatch.setattr("tests.fetching.SOURCE", source, raising=False)
    plug(monkeypatch, "tests.fetching:SOURCE")
    assert discover().find("NUMBERS") is source


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("tests.nowhere:SOURCE", "tests.nowhere:SOURCE cannot be loaded"),
        ("tests.fetching:NUMBER", "cannot be loaded"),
        ("tests.fetching:Numbers", "is no services.fetcher.source.Source"),
    ],
)
def test_a_plugin_that_is_no_source_is_named(
    monkeypatch: pytest.MonkeyPatch, value: str, why: str
) -> None:
    plug(monkeypatch, value)
    with pytest.raises(ConfigError, match=why):
        discover()


def test_two_sources_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two sources are called 'numbers'"):
        SourceRegistry([Numbers(), Numbers()])


def test_a_url_that_is_none_belongs_to_nobody() -> None:
    assert discover().for_url("http://[broken") is None
    assert discover().for_url("") is None
