"""Keys as those who hold them meet them: what opens what, when one ends, what is limited."""

import datetime as dt
import hmac
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

import httpx
import pytest
from structlog.testing import capture_logs

from services.api.keyring import ASK_SECONDS, FRESH_SECONDS, NEW_SECONDS, KeyRing
from shared.database.base import Database
from shared.database.keys import list_keys, revoke_key
from shared.errors import Transient
from shared.keys import Pepper, Scope
from tests.api import PEPPER, api_over, bearer, give_key
from tests.waiting import until

PATH = "/v1/data/fred_data"


@pytest.fixture
async def closed(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API over each database in turn, whose reads need a key."""
    async with api_over(database, api_public_read=False) as client:
        yield client


def operations(document: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """Return each route's method, a path that fits it and the scope it needs."""
    found = []
    for path, methods in document["paths"].items():
        named = path.replace("{dataset}", "fred_data").replace("{source}", "fred")
        for name in ("id",):
            named = named.replace("{" + name + "}", "1")
        for method, operation in methods.items():
            needed = operation.get("security", [{"key": [None]}])
            (scope,) = needed[-1]["key"]
            found.append((method.upper(), named, scope))
    return found


async def test_every_key_opens_the_routes_of_its_scopes_and_no_other(database: Database) -> None:
    sets = [s for n in range(4) for s in itertools.combinations(Scope, n)]
    keys = {scopes: await give_key(database, *scopes) for scopes in sets}
    async with api_over(database, api_public_read=False) as client:
        routes = operations((await client.get("/openapi.json")).json())
        assert {scope for _, _, scope in routes} == {None, *Scope}
        for method, path, scope in routes:
            bare = await client.request(method, path, headers={"Origin": "https://evil.example"})
            assert "access-control-allow-origin" not in bare.headers
            assert (bare.status_code == 401) is (scope is not None), (method, path)
            for scopes, key in keys.items():
                async with client.stream(method, path, headers=bearer(key)) as answer:
                    status = answer.status_code
                fits = scope is None or scope in scopes
                assert (status not in (401, 403)) if fits else (status == 403), (path, scopes)


async def test_a_key_that_is_given_must_be_good_even_where_none_is_needed(
    database: Database, client: httpx.AsyncClient
) -> None:
    key = await give_key(database, Scope.INGEST)
    assert (await client.get(PATH)).status_code == 200
    assert (await client.get(PATH, headers=bearer(key))).status_code == 403
    for wrong in (
        "Bearer nonsense",
        "Bearer",
        "Basic dTpw",
        f"Bearer {key}x",
        f"Bearer {key[:15]}_",
    ):
        answer = await client.get(PATH, headers={"Authorization": wrong})
        assert answer.status_code == 401, wrong
        assert answer.headers["www-authenticate"].startswith("Bearer error=")
        assert key not in answer.text


async def test_a_new_key_works_and_a_revoked_or_expired_one_ends(
    database: Database, closed: httpx.AsyncClient
) -> None:
    async def status(key: str) -> int:
        return (await closed.get(PATH, headers=bearer(key))).status_code

    assert await status("ek_000000000000_x") == 401
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    key = await give_key(database, Scope.READ)
    over = await give_key(database, Scope.READ, expires_at=past)

    async def opens(key: str) -> bool:
        return await status(key) == 200

    async def ended() -> bool:
        return not await opens(key)

    await until(lambda: opens(key))
    assert not await opens(over)
    await revoke_key(database, key[:15])
    await until(ended)
    assert FRESH_SECONDS + ASK_SECONDS < 5, "a revocation acts within 5 s"
    states = {each.id: each.state(dt.datetime.now(dt.UTC)) for each in await list_keys(database)}
    assert states == {key[:15]: "revoked", over[:15]: "expired"}


async def test_a_restricted_key_opens_what_names_its_datasets(
    database: Database, closed: httpx.AsyncClient
) -> None:
    headers = bearer(await give_key(database, Scope.READ, datasets=["fred_data"]))
    for path in (PATH, f"{PATH}/latest", "/v1/datasets/fred_data"):
        assert (await closed.get(path, headers=headers)).status_code == 200
    for path in ("/v1/data/yfinance_ohlcv", "/v1/datasets", "/v1/refreshes", "/v1/data/unheard"):
        answer = await closed.get(path, headers=headers)
        assert answer.status_code == 403, path
        assert answer.json()["allowed"] == ["fred_data"]


async def test_uses_are_stored_and_no_log_line_tells_a_key(
    database: Database,
) -> None:
    key = await give_key(database, Scope.READ)
    with capture_logs() as lines:
        async with api_over(database) as client:
            await client.get(PATH, headers=bearer(key))
    (stored,) = await list_keys(database)
    assert stored.last_used_at is not None
    assert key[16:] not in json.dumps(lines, default=str)


class Asked:
    """A database that counts the questions, and is away when told to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.count = 0
        self.away = False

    async def fetch(self, *given: Any, **named: Any) -> Any:
        self.count += 1
        if self.away:
            raise Transient("away")
        return await self._database.fetch(*given, **named)

    async def execute(self, *given: Any) -> int:
        return await self._database.execute(*given)


async def test_no_database_is_asked_for_what_is_held_and_guesses_ask_it_seldom(
    database: Database,
) -> None:
    text = await give_key(database, Scope.READ)
    asked, now = Asked(database), 100.0
    ring = KeyRing(asked, lambda: Pepper(PEPPER), lambda: now)  # type: ignore[arg-type]
    for _ in range(100):
        assert await ring.find(text) is not None
    assert asked.count == 1
    for number in range(100):
        assert await ring.find(f"ek_{number:012x}_guess") is None
    assert asked.count == 1
    now += NEW_SECONDS * 1.5
    assert await ring.find("ek_000000000000_guess") is None
    assert asked.count == 2
    asked.away = True
    now += FRESH_SECONDS * 1.5
    with pytest.raises(Transient):
        await ring.find(text)
    assert await ring.find(text, grace=60.0) is not None
    now += 61.0
    with pytest.raises(Transient):
        await ring.find(text, grace=60.0)


async def test_a_wrong_secret_and_an_unknown_key_are_compared_alike(database: Database) -> None:
    text = await give_key(database, Scope.READ)
    ring = KeyRing(database, lambda: Pepper(PEPPER))
    assert await ring.find(text) is not None
    for wrong in (text[:-1] + "x", "ek_000000000000_x", "nonsense"):
        with mock.patch("hmac.compare_digest", wraps=hmac.compare_digest) as compared:
            assert ring.held(wrong) is None
        assert [len(call.args[0]) + len(call.args[1]) for call in compared.mock_calls] == [64]


async def test_requests_are_limited_by_key_and_by_address(database: Database) -> None:
    keys = [await give_key(database, Scope.READ) for _ in range(2)]
    async with api_over(database, api_requests_per_minute=3) as client:

        async def ask(headers: dict[str, str]) -> list[httpx.Response]:
            return [await client.get("/v1/datasets/fred_data", headers=headers) for _ in range(5)]

        for answers in (await ask({}), await ask({"Authorization": "Bearer guess"})):
            assert answers[-1].status_code == 429
            assert 0 < int(answers[-1].headers["retry-after"]) <= 21
        assert answers[0].status_code == 429, "a guess counts for its address"
        assert answers[0].headers["ratelimit-policy"] == '"address";q=3;w=60'
    async with api_over(database, api_requests_per_minute=3) as client:
        assert [a.status_code for a in await ask({})] == [200, 200, 200, 429, 429]
        # A request whose key is not known yet counts for its address, where nothing is left.
        assert {answer.status_code for answer in await ask(bearer(keys[0]))} == {429}
        assert (await client.get("/health")).status_code == 200
    async with api_over(database, api_requests_per_minute=3) as client:
        answers = await ask(bearer(keys[1]))
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[0].headers["ratelimit"] == '"key";r=2;t=20'
