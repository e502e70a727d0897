"""Who may do what: each route names the scope it needs, and this lets requests in or refuses them.

app.include_router(routes, dependencies=[guard.needs(Scope.ADMIN)])
"""

from typing import Any

from fastapi import Request, Security
from fastapi.security import HTTPBearer

from services.api.keyring import KeyRing
from services.api.limits import STATE, Limits, Standing, network_of, refuse
from services.api.problems import Problem
from shared.keys import Key, Scope
from shared.observability import bind
from shared.registry import Registry
from shared.settings import Settings

GRACE = {Scope.INGEST: 300.0}
"""Seconds that a key known before goes on while the database is away: rows wait on the topic."""

BEARER = HTTPBearer(
    scheme_name="key",
    description="An API key, made with `econstream keys create`, as `Authorization: Bearer …`",
    auto_error=False,
)
DATASET_PARAMETERS = ("dataset", "source")
"""Names of the path parameters that name a dataset or its alias."""


def reads_are_public(settings: Settings) -> bool:
    """Return API_PUBLIC_READ, or, where it is unset, whether the API listens on loopback alone."""
    if settings.api_public_read is not None:
        return settings.api_public_read
    return settings.api_on_loopback


class Guard:
    """Lets requests in by their key, or by reads being public.

    A key that is given must be valid even where none is needed. One that is restricted to
    datasets opens the routes that name one of them, and no other.
    """

    def __init__(self, settings: Settings, registry: Registry, ring: KeyRing) -> None:
        self._public = {Scope.READ} if reads_are_public(settings) else set()
        self._registry = registry
        self._ring = ring
        self._limits = Limits(settings.api_requests_per_minute)

    def needs(self, scope: Scope) -> Any:
        """Return the dependency of a route or router that needs a scope.

        Raises Problem: 401 without a valid key, 403 for a scope or a dataset that the key has
        not, 429 where it asks too often, 503 where keys cannot be read. Leaves the key, or
        None, in `request.state.key`.
        """

        async def check(request: Request, _: Any = Security(BEARER, scopes=[scope])) -> None:
            request.state.key = await self._let_in(request, scope)

        return Security(check, scopes=[scope])

    async def _let_in(self, request: Request, scope: Scope) -> Key | None:
        text = _presented(request)
        held = None if text is None else self._ring.held(text)
        # Counted by address until a key is known: guessing is no way around it.
        self._count(request, held)
        if text is None:
            if scope in self._public:
                return None
            raise _no_key("this needs a key: `econstream keys create` makes one")
        key = await self._ring.find(text, grace=GRACE.get(scope, 0.0))
        if key is None:
            raise _no_key(
                "the key is not valid: it is unknown, expired or revoked", "invalid_token"
            )
        if held is None:
            self._count(request, key)
        bind(key=key.id)
        self._check_rights(request, key, scope)
        self._ring.note(key)
        return key

    def _count(self, request: Request, key: Key | None) -> None:
        if key is not None:
            standing = self._limits.take("key", key.id)
        else:
            client = request.client.host if request.client else "unknown"
            standing = self._limits.take("address", network_of(client))
        setattr(request.state, STATE, standing)
        if standing is not None and standing.wait:
            raise refuse(standing)

    def _check_rights(self, request: Request, key: Key, scope: Scope) -> None:
        if scope not in key.scopes:
            has = ", ".join(key.scopes) or "none"
            raise Problem(
                403, "missing-scope", f"this needs the scope {scope}, and the key has {has}",
                {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
            )  # fmt: skip
        if key.datasets is None:
            return
        named = [request.path_params[n] for n in DATASET_PARAMETERS if n in request.path_params]
        found = [self._registry.find(name) for name in named]
        if not found or any(d is None or d.name not in key.datasets for d in found):
            raise Problem(
                403, "missing-dataset",
                f"the key is good for {', '.join(key.datasets) or 'no dataset'} alone",
                allowed=list(key.datasets),
            )  # fmt: skip


def _presented(request: Request) -> str | None:
    """Return the key that a request brings; raises Problem (401) for other credentials."""
    given = request.headers.getlist("authorization")
    if not given:
        return None
    scheme, _, text = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not text.strip():
        raise _no_key("keys travel as `Authorization: Bearer …`, once", "invalid_request")
    return text.strip()


def _no_key(detail: str, error: str | None = None) -> Problem:
    challenge = "Bearer" if error is None else f'Bearer error="{error}"'
    return Problem(401, "key-required", detail, {"WWW-Authenticate": challenge})


__all__ = ["Guard", "Scope", "Standing", "reads_are_public"]
