"""Pages of other origins: refused by browsers, but for those that the settings name."""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

_SHOWN = (
    *("As-Of", "As-Of-Mode", "ETag", "Link", "RateLimit", "RateLimit-Policy", "Retry-After"),
    *("Idempotency-Replayed", "X-Request-Id"),
)


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins read answers and their headers; keys travel, cookies do not."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["Authorization", "Idempotency-Key", "If-None-Match", "Last-Event-ID"],
        expose_headers=list(_SHOWN),
    )
