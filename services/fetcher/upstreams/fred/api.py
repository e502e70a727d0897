"""What every question to FRED needs, and what every answer may be: the key, and FRED's errors."""

from typing import Any

from pydantic import SecretStr

from services.fetcher.answer import Answer, RefusedError, UnknownNameError, UpstreamError
from services.fetcher.parsing.body import data_of
from shared.errors import ConfigError
from shared.settings import Settings


def secrets_of(settings: Settings) -> dict[str, SecretStr]:
    """Return the secret parameters of every question; raises ConfigError where there is no key."""
    if settings.fred_api_key is None:
        raise ConfigError(
            "FRED needs a key: set FRED_API_KEY to yours, free of charge at "
            "https://fred.stlouisfed.org/docs/api/api_key.html"
        )
    return {"api_key": settings.fred_api_key}


def refuse_error(answer: Answer, document: dict[str, Any]) -> None:
    """Raise what an answer says that is FRED's error instead of data, or an error of any form.

    UnknownNameError that names the series or release which does not exist, RefusedError for a
    key that FRED does not take, UpstreamError with FRED's words for all else.
    """
    code, words = document.get("error_code"), document.get("error_message")
    keyless = answer.status in (401, 403)
    if code is None and words is None and not keyless:
        data_of(answer)
        return
    said = f"FRED answered {code or answer.status}: {words or 'without a reason'}"
    low = str(words).lower()
    if keyless or "api_key" in low:
        raise RefusedError(f"{said} (set FRED_API_KEY to a key that FRED knows)")
    if "does not exist" in low or answer.status == 404:
        for kind in ("series", "release"):
            if name := answer.query.get(f"{kind}_id"):
                raise UnknownNameError(f"{kind} {name} does not exist: {said}")
    raise UpstreamError(said)
