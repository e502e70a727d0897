"""The registry knows all datasets by name, plugins included, and refuses what is ambiguous."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.registry import Registry, discover

BUILT_IN = [
    "cboe_vix_history",
    "data_refresh_log",
    "fred_data",
    "fred_series",
    "yfinance_ohlcv",
]
PLUGIN = '''
"""A plugin with a dataset and some mistakes."""
from shared.dataset import Code, Dataset, Row
class Gauge(Row):
    """Readings of a gauge."""
    gauge: Code
DATASET = Dataset(name="gauges", row=Gauge, key=("gauge",), cadence="daily")
TWIN = Dataset(name="fred_data", row=Gauge, key=("gauge",), cadence="daily")
SHADOW = Dataset(name="gauges", alias="fred", row=Gauge, key=("gauge",), cadence="daily")
OTHER = "no dataset"
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Installer"]:
    """Install a distribution whose entry points are these lines."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "gauge_plugin.py").write_text(PLUGIN)
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('no such gauge')")
    yield Installer(tmp_path)
    sys.modules.pop("gauge_plugin", None)


class Installer:
    """Writes the metadata that pip would write."""

    def __init__(self, folder: Path) -> None:
        self._metadata = folder / "gauge_plugin-1.0.dist-info"

    def __call__(self, *points: str) -> None:
        self._metadata.mkdir()
        (self._metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gauge-plugin\n")
        lines = "\n".join(["[econstream.datasets]", *points])
        (self._metadata / "entry_points.txt").write_text(lines + "\n")


def test_the_built_in_datasets_are_found_in_order_of_name() -> None:
    registry = discover()
    assert registry.names() == [dataset.name for dataset in registry]
    assert registry.names() == sorted(registry.names())
    assert set(BUILT_IN) <= set(registry.names())
    assert len(registry) == len(registry.names())


def test_a_dataset_is_found_by_name_and_at_the_door_by_alias() -> None:
    registry = discover()
    assert registry["fred_data"] is registry.find("fred") is registry.find("fred_data")
    assert registry.find("nothing") is None
    assert "fred_data" in registry
    assert "fred" not in registry
    with pytest.raises(KeyError):
        registry["fred"]


def test_a_plugin_adds_a_dataset(install: Installer) -> None:
    install("gauges = gauge_plugin:DATASET")
    assert discover()["gauges"].documentation == "Readings of a gauge."


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ("a = gauge_plugin:TWIN", "'fred_data'"),
        ("a = gauge_plugin:SHADOW", "'fred'"),
        ("a = gauge_plugin:OTHER", "gauge_plugin:OTHER"),
        ("a = gauge_plugin:MISSING", "gauge_plugin:MISSING"),
        ("a = broken_plugin:DATASET", "no such gauge"),
        ("a = missing_plugin:DATASET", "missing_plugin"),
    ],
)
def test_a_plugin_at_fault_is_named(install: Installer, point: str, said: str) -> None:
    install(point)
    with pytest.raises(ConfigError, match=said):
        discover()


def test_two_of_one_name_or_alias_are_refused() -> None:
    fred = discover()["fred_data"]
    for other in (
        fred,
        replace(fred, alias=None),
        replace(fred, name="other"),
        replace(fred, name="fred", alias=None),
        replace(fred, name="other", alias="fred_data"),
        replace(fred, name="other", alias="other"),
    ):
        with pytest.raises(ConfigError, match="two datasets are called"):
            Registry([fred, other])
    assert len(Registry([fred, replace(fred, name="other", alias=None)])) == 2
