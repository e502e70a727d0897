"""What every question to FRED needs, and what every answer may be: the key, and FRED's errors."""

from typing import Any

from pydantic import SecretStr

from services.fetcher.answer import Answer, UpstreamError
from services.fetcher.body import data_of
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
    """Raise UpstreamError where an answer is FRED's own error, or an error of any other form."""
    if "error_code" in document or "error_message" in document:
        raise UpstreamError(
            f"FRED answered {document.get('error_code', answer.status)}: "
            f"{document.get('error_message', 'without a reason')}"
        )
    data_of(answer)
