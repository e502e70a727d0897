"""Models and scorers that a package brings, as it would be installed."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.processor.models import find_models
from services.processor.sentiment import Vader, find_scorer
from shared.errors import ConfigError

MODULE = """
class Mine:
    name, version, look_back = "mine", "7", {look_back}

    def forecast(self, returns):
        return {{}}

    def score(self, text):
        return 0.5
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a package of a name with an entry point of a group."""
    monkeypatch.syspath_prepend(tmp_path)

    def installed(name: str, group: str, look_back: int = 5) -> None:
        (tmp_path / f"{name}.py").write_text(MODULE.format(look_back=look_back))
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}:Mine\n")
        monkeypatch.delitem(sys.modules, name, raising=False)

    return installed


def test_a_model_of_a_package_joins_those_that_come_along(install: Callable[..., None]) -> None:
    assert [model.name for model in find_models()] == ["naive", "ewma"]
    install("my_model", "econstream.models")
    assert [(m.name, m.version) for m in find_models()][2:] == [("mine", "7")]


def test_a_model_that_looks_too_far_back_is_refused(install: Callable[..., None]) -> None:
    install("far_model", "econstream.models", look_back=76)
    with pytest.raises(ConfigError, match=r"far_model 1\.0.*looks back 76 days of 75"):
        find_models()


def test_a_scorer_of_a_package_replaces_vader_and_two_are_refused(
    install: Callable[..., None],
) -> None:
    assert isinstance(find_scorer(), Vader)
    install("my_scorer", "econstream.sentiment")
    assert find_scorer().score("plunges") == 0.5
    install("other_scorer", "econstream.sentiment")
    with pytest.raises(ConfigError, match="only one scorer"):
        find_scorer()
