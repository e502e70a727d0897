"""The registry of sources: built-in ones, plugins, and names that clash."""

from importlib.metadata import EntryPoint

import pytest

from services.fetcher import registry
from services.fetcher.registry import SourceRegistry, complaints, discover
from services.fetcher.source import SourceFaultError
from shared import plugins
from shared.errors import ConfigError
from shared.registry import discover as discover_datasets
from tests.batches import MEASURES
from tests.fetching import Numbers


def plug(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint("numbers", value, registry.ENTRY_POINT_GROUP)
    plugged = {registry.ENTRY_POINT_GROUP: [point]}
    monkeypatch.setattr(plugins, "entry_points", lambda group: plugged.get(group, []))


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
        ("tests.fetching:Numbers", "no instance of services.fetcher.source.Source"),
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


def test_a_source_that_cannot_say_what_it_reads_is_named() -> None:
    class Wrong(Numbers):
        def matches(self, url: str) -> bool:
            raise LookupError("no such thing")

    with pytest.raises(SourceFaultError, match="the source numbers, asked whether it reads"):
        SourceRegistry([Wrong()]).for_url("https://a.example/")


def test_a_url_that_is_none_belongs_to_nobody() -> None:
    assert discover().for_url("http://[broken") is None
    assert discover().for_url("") is None


@pytest.mark.parametrize(
    ("attribute", "value", "why"),
    [
        ("name", "Two words", "a source's name is"),
        ("name", 5, "declares no `name`"),
        ("hosts", "127.0.0.1", "`hosts`, or none that is a tuple"),
        ("hosts", (), "at least one"),
        ("hosts", ("",), "at least one"),
        ("datasets", (), "at least one"),
        ("datasets", ("fred_data",), "at least one"),
        ("datasets", (MEASURES,), "measures that it fills is no entry point"),
        ("watches", None, "declares no `watches`"),
        ("per_second", 0.0, "more than 0"),
    ],
)
def test_a_wrong_declaration_is_named(
    monkeypatch: pytest.MonkeyPatch, attribute: str, value: object, why: str
) -> None:
    class Wrong(Numbers):
        pass

    setattr(Wrong, attribute, value)
    monkeypatch.setattr("tests.fetching.SOURCE", Wrong(), raising=False)
    plug(monkeypatch, "tests.fetching:SOURCE")
    with pytest.raises(ConfigError, match=why):
        discover()


def test_every_source_is_declared_as_plugins_must_be() -> None:
    known = discover_datasets()
    assert [found for source in discover() for found in complaints(source, known)] == []
