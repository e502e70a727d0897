"""How often one key, or one address, may ask: counted in memory, told in RateLimit headers."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.problems import Problem

WINDOW_SECONDS = 60
_ROUNDING = 1e-6
MAX_CLIENTS = 50_000
"""Who is remembered at once; of more, those that asked longest ago are forgotten."""

STATE = "rate_limit"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a client stands after a request.

    remaining  requests that it may make at once
    reset      seconds until it may make `quota` again
    wait       seconds until its next request is answered; 0: this one is
    """

    policy: str
    quota: int
    remaining: int
    reset: int
    wait: int

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says of it (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.quota};w={WINDOW_SECONDS}',
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset}',
        }


class Limits:
    """Counts requests by the generic cell rate algorithm (ITU-T I.371): one number a client.

    `quota` requests may come at once, and then as many in each window, evenly.
    """

    def __init__(self, quota: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._quota = quota
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, policy: str, client: str) -> Standing | None:
        """Count a request of a client and return how it stands; None where nothing is limited."""
        if not self._quota:
            return None
        now, step = self._clock(), WINDOW_SECONDS / self._quota
        name = f"{policy} {client}"
        full_at = max(self._full_at.pop(name, now), now) + step
        wait = full_at - now - WINDOW_SECONDS
        if wait > _ROUNDING:
            full_at -= step
        self._full_at[name] = full_at
        while len(self._full_at) > MAX_CLIENTS:
            self._full_at.popitem(last=False)
        remaining = int((WINDOW_SECONDS - (full_at - now)) / step + _ROUNDING)
        reset = min(WINDOW_SECONDS, math.ceil(full_at - now - _ROUNDING))
        return Standing(
            policy, self._quota, remaining, reset, math.ceil(wait) if wait > _ROUNDING else 0
        )


def refuse(standing: Standing) -> Problem:
    """Return the 429 of a client that asks too often."""
    return Problem(
        429,
        "too-many-requests",
        f"over {standing.quota} requests in {WINDOW_SECONDS} s by this {standing.policy}: "
        f"try again in {standing.wait} s",
        {"Retry-After": str(standing.wait)},
    )


def network_of(address: str) -> str:
    """Return whom an address stands for: itself, or, of IPv6, the network of one customer."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address) or found.is_loopback:
        return address
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))


class LimitHeaders:
    """Says in each answer how its client stands, where it was counted."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            standing = scope.get("state", {}).get(STATE)
            if message["type"] == "http.response.start" and standing is not None:
                MutableHeaders(raw=message["headers"]).update(standing.headers)
            await send(message)

        await self._app(scope, receive, told if scope["type"] == "http" else send)
