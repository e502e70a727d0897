"""The pepper of the API keys: the configured one, else one of this machine's own."""

import os
import secrets
from pathlib import Path

from shared.errors import ConfigError
from shared.keys import Pepper
from shared.settings import Settings

FILE_NAME = "api_key_pepper"
_SHORTEST = 16


def check_pepper(settings: Settings) -> None:
    """Raise ConfigError unless a pepper is configured or may be made; reads and makes nothing."""
    given = settings.api_key_pepper
    if given is None and not settings.api_on_loopback:
        raise ConfigError(
            f"API_KEY_PEPPER is not set, and the API listens on {settings.api_host}: set it to a "
            "random text (`openssl rand -hex 32`), the same for every process that serves the API "
            "or makes keys, or listen on API_HOST=127.0.0.1, where one is made by itself"
        )
    if given is not None and len(given.get_secret_value()) < _SHORTEST:
        raise ConfigError(
            f"API_KEY_PEPPER is shorter than {_SHORTEST} characters: `openssl rand -hex 32` "
            "makes one"
        )


def find_pepper(settings: Settings) -> Pepper:
    """Return the configured pepper, else that of the data folder, made where it is missing.

    Reads or writes a small file of mode 0600. Raises ConfigError as `check_pepper` does, and
    where the file cannot be had.
    """
    check_pepper(settings)
    if settings.api_key_pepper is not None:
        return Pepper(settings.api_key_pepper.get_secret_value())
    path = settings.data_dir / FILE_NAME
    try:
        return Pepper(_read(path) or _made(path))
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not a text"
        raise ConfigError(
            f"{path} cannot be had ({reason}): it belongs to the user who serves the API; "
            "or set API_KEY_PEPPER"
        ) from exc


def _read(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    if len(text) < _SHORTEST:
        raise ConfigError(f"{path} holds no pepper: remove it, and make the keys anew")
    return text


def _made(path: Path) -> str:
    """Write a new pepper whole, unless another process was first; return whichever stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(secrets.token_hex(32) + "\n")
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return _read(path) or ""
