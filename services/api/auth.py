"""Who may read: everybody where reads are public, nobody otherwise until keys are given out."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from services.api.problems import Problem
from shared.settings import Settings


def reads_are_public(settings: Settings) -> bool:
    """Return API_PUBLIC_READ, or, where it is unset, whether the API listens on loopback alone."""
    if settings.api_public_read is not None:
        return settings.api_public_read
    try:
        return ip_address(settings.api_host).is_loopback
    except ValueError:
        return settings.api_host == "localhost"


def may_read(settings: Settings) -> Callable[[], Awaitable[None]]:
    """Return the dependency that lets a request read or raises Problem (401)."""
    public = reads_are_public(settings)

    async def check() -> None:
        if not public:
            raise Problem(
                401,
                "key-required",
                "reads are closed here; API_PUBLIC_READ=true opens them",
                {"WWW-Authenticate": "Bearer"},
            )

    return check
