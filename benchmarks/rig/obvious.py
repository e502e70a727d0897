"""The routes that anybody would write first: rows as a list of dicts, for FastAPI to encode."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from fastapi import FastAPI, Request

from shared.settings import load_settings

_QUERY = """SELECT
ticker, date, open, high, low, close, adj_close, volume, currency, is_final, as_of
FROM yfinance_ohlcv ORDER BY ticker, date LIMIT 1000"""


@asynccontextmanager
async def _pooled(app: FastAPI) -> AsyncIterator[None]:
    dsn = load_settings().postgres_dsn.get_secret_value()
    async with asyncpg.create_pool(dsn, min_size=4, max_size=4) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_pooled)


@app.get("/rows", response_model=None)
async def rows(request: Request) -> list[dict[str, Any]]:
    """Return a page of bars, which FastAPI's default encoder writes."""
    return [dict(row) for row in await request.app.state.pool.fetch(_QUERY)]


@app.get("/typed")
async def typed(request: Request) -> list[dict[str, Any]]:
    """Return the same, which pydantic writes, since the type of the answer is declared."""
    return [dict(row) for row in await request.app.state.pool.fetch(_QUERY)]


@app.get("/health")
async def health() -> dict[str, str]:
    """Return that it answers."""
    return {"status": "ok"}


if __name__ == "__main__":
    uvicorn.run(app, port=load_settings().api_port, log_level="warning")
