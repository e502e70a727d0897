"""Keys and the pepper: what is made, what is kept of it, and what is refused."""

import datetime as dt
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.keys import Pepper, Scope, identity_of, make_key
from shared.observability import redact_text
from shared.pepper import FILE_NAME, check_pepper, find_pepper
from shared.settings import Settings

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def test_a_key_is_known_by_its_beginning_and_kept_as_a_digest() -> None:
    pepper = Pepper("a pepper of the tests")
    (key, text), (_, other) = (make_key(pepper, [Scope.READ], NOW) for _ in range(2))
    assert text != other
    assert identity_of(text) == key.id == text[:15]
    assert key.digest == pepper.digest(text) != Pepper("another pepper").digest(text)
    assert text[16:] not in repr(key)
    assert repr(key.digest) not in repr(key)
    assert text[16:] not in redact_text(f"got {text} here") and key.id in redact_text(text)
    for strange in ("", "ek_", key.id, text[1:], "x" * 1000, key.id + "-" + text[16:]):
        assert identity_of(strange) is None


def test_a_key_ends_when_it_is_said_to() -> None:
    key, _ = make_key(Pepper("p"), [Scope.READ], NOW, expires_at=NOW + dt.timedelta(days=1))
    assert key.state(NOW) == "active"
    assert key.state(NOW + dt.timedelta(days=1)) == "expired"


def test_processes_that_start_together_make_one_pepper(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    with ThreadPoolExecutor(8) as pool:
        names = {pepper.name for pepper in pool.map(lambda _: find_pepper(settings), range(16))}
    assert len(names) == 1
    (file,) = (tmp_path / "data").iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == (FILE_NAME, 0o600)


def test_a_pepper_is_configured_or_made_on_loopback_alone(tmp_path: Path) -> None:
    for host in ("192.0.2.1", "2001:db8::1", "example.org"):
        with pytest.raises(ConfigError, match="API_KEY_PEPPER"):
            check_pepper(Settings(api_host=host))
    check_pepper(Settings(api_host="192.0.2.1", api_key_pepper="0123456789abcdef"))
    for host in ("127.0.0.1", "::1", "localhost"):
        check_pepper(Settings(api_host=host))
    with pytest.raises(ConfigError, match="shorter"):
        check_pepper(Settings(api_key_pepper="short"))
    (tmp_path / FILE_NAME).write_text("\n")
    with pytest.raises(ConfigError, match="holds no pepper"):
        find_pepper(Settings(data_dir=tmp_path))
    (tmp_path / FILE_NAME).unlink()
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(ConfigError, match="cannot be had"):
        find_pepper(Settings(data_dir=tmp_path))
