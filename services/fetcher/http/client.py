"""The way to the upstreams: the only home of httpx, careful with them and with secrets."""

import asyncio
import datetime as dt
import os
import random
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx
from aiolimiter import AsyncLimiter

from services.fetcher.answer import (
    MAX_BODY_BYTES,
    Answer,
    Request,
    UpstreamError,
    moment_of_header,
)
from services.fetcher.http.addresses import Resolver, addresses_of, refuse_private, resolve
from services.fetcher.http.content import READABLE, Content
from services.fetcher.http.pinned import ADDRESSES, PinnedTransport, is_proxied, pattern_of
from shared.errors import Transient

_AGAIN = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_KEPT = frozenset({"content-encoding", "content-length", "set-cookie", "transfer-encoding"})
_CONDITIONS = ("if-none-match", "if-modified-since")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost; seconds and bytes.

    body_bytes       over the wire, and after decompression
    connect_seconds  until the connection stands, its encryption included
    seconds          from connecting to the last byte, for each hop of a redirect
    attempts         in all, the first included
    longest_wait     between two attempts; an upstream that asks for more is left alone
    """

    body_bytes: int = MAX_BODY_BYTES
    connect_seconds: float = 10.0
    seconds: float = 60.0
    redirects: int = 5
    attempts: int = 4
    first_wait: float = 1.0
    longest_wait: float = 60.0


class HttpClient:
    """Asks upstreams: only known hosts, each at its own rate; an async context manager.

    Takes no cookies.

    rates    requests a second for each host that may be spoken to; all others are refused,
             also when an answer redirects to them
    schemes  https; http is for servers on one's own machine
    private  also ask hosts whose addresses are private, for servers on one's own machine
    local    hosts of one's own network: these may also be private, and spoken to over http
    resolver where names lead; only tests give another
    """

    def __init__(
        self,
        rates: Mapping[str, float],
        *,
        limits: Limits | None = None,
        schemes: tuple[str, ...] = ("https",),
        private: bool = False,
        local: Iterable[str] = (),
        agent: str = "econstream (economic data pipeline; honours Retry-After)",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        resolver: Resolver = resolve,
    ) -> None:
        self._limiters = {host: AsyncLimiter(1, 1 / rate) for host, rate in rates.items()}
        self._limits = limits or Limits()
        self._schemes = schemes
        self._private = private
        self._local = frozenset(local)
        self._agent = agent
        self._sleep = sleep
        self._resolver = resolver
        # Where a proxy resolves names, only it knows where they lead.
        self._pinned = frozenset(host for host in rates if not is_proxied(host))
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        trusted = httpx.create_ssl_context()
        self._client = httpx.AsyncClient(
            verify=trusted,
            mounts={pattern_of(host): PinnedTransport(trusted) for host in self._pinned},
            headers={"user-agent": self._agent, "accept-encoding": READABLE},
            timeout=httpx.Timeout(self._limits.seconds, connect=self._limits.connect_seconds),
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def get(self, request: Request) -> Answer:
        """Ask until there is an answer that is worth reading, and return it whatever its status.

        Statuses 429 and 5xx and broken connections are tried again, with full jitter and never
        before the upstream's Retry-After; the last such answer is returned. Raises Transient
        where no attempt got an answer, UnreadableAnswer for a body over the limit and
        UpstreamError for a redirect that may not be followed. The errors name the URL without
        its secrets. Cancelling ends at once and leaves nothing open.
        """
        for attempt in range(1, self._limits.attempts + 1):
            last = attempt == self._limits.attempts
            wait = self._jitter(attempt)
            try:
                answer = await self._follow(request)
            except (httpx.TransportError, TimeoutError, Transient) as exc:
                if last:
                    # Not chained: httpx's error holds the request, and that the secrets.
                    raise Transient(
                        f"{request.url}: no answer in {attempt} attempts ({_reason(exc)})"
                    ) from None
            else:
                asked = retry_after(answer)
                if answer.status not in _AGAIN or last or asked > self._limits.longest_wait:
                    return answer
                wait += asked
            await self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def _follow(self, request: Request) -> Answer:
        """Send a request and follow its redirects; the secrets go to the first host only."""
        secrets = {name: secret.get_secret_value() for name, secret in request.secrets.items()}
        url = _joined(httpx.URL(), request.url, request).copy_merge_params(secrets)
        own = {name: secret.get_secret_value() for name, secret in request.credentials.items()}
        for _ in range(self._limits.redirects + 1):
            is_local = self._check(url, request)
            await self._limiters[url.host].acquire()
            async with asyncio.timeout(self._limits.seconds):
                places = await self._places(url, request, is_local)
                answer, location = await self._send(url, request, own, places)
            if location is None:
                return answer
            url, own = _joined(url, location, request), {}
        raise UpstreamError(f"{request.url}: over {self._limits.redirects} redirects, given up")

    async def _send(
        self, url: httpx.URL, request: Request, credentials: dict[str, str], places: list[str]
    ) -> tuple[Answer, str | None]:
        if self._client is None:
            raise RuntimeError("the client is used outside of its context")
        # What an upstream wrote into its ETag beyond ASCII cannot be sent back to it.
        asked = {n: value for n, value in request.headers.items() if value.isascii()} | credentials
        pinned = {ADDRESSES: places}
        async with self._client.stream("GET", url, headers=asked, extensions=pinned) as response:
            status, headers = response.status_code, response.headers
            location = headers.get("location")
            if status in _REDIRECTS and location:
                return Answer(request.url, status, {}, b"", _now()), location
            if status == 304 and not any(name in asked for name in _CONDITIONS):
                raise UpstreamError(f"{request.url}: says unchanged, though it was not asked so")
            encoding = headers.get("content-encoding", "")
            content = Content(encoding, self._limits.body_bytes, request.url)
            async for piece in response.aiter_raw():
                content.add(piece)
            return _answer(request, status, headers, content.whole()), None

    def _check(self, url: httpx.URL, request: Request) -> bool:
        """Return whether a URL may lead into one's own network; raises where it leads elsewhere."""
        # Nobody outside leads into one's own network: whoever is asked must be part of it.
        local = {url.host, httpx.URL(request.url).host} <= self._local
        schemes = (*self._schemes, "http") if local else self._schemes
        if url.host not in self._limiters or url.scheme not in schemes:
            raise UpstreamError(
                f"{request.url}: leads to {url.scheme}://{url.host}, which is not one of the "
                "source's hosts: not followed"
            )
        return self._private or local

    async def _places(self, url: httpx.URL, request: Request, is_local: bool) -> list[str]:
        """Return the addresses to connect to, each one that may be; none where a proxy knows."""
        port = url.port or (443 if url.scheme == "https" else 80)
        host = url.raw_host.decode("ascii")
        try:
            places = await addresses_of(self._resolver, host, port, request.url)
        except Transient:
            if url.host in self._pinned:
                raise
            return []
        if not is_local:
            refuse_private(url.host, places, request.url)
        return places

    def _jitter(self, attempt: int) -> float:
        longest = min(self._limits.longest_wait, self._limits.first_wait * 2 ** (attempt - 1))
        return random.uniform(0, longest)  # noqa: S311  # spreads load, guards nothing


def _answer(request: Request, status: int, headers: httpx.Headers, body: bytes) -> Answer:
    """Return the answer as it may be kept: upstreams that repeat a secret are not quoted."""
    kept = {name: value for name, value in headers.items() if name not in _NOT_KEPT}
    for secret in (*request.secrets.values(), *request.credentials.values()):
        plain = secret.get_secret_value().removeprefix("Bearer ")
        for text in {plain, quote(plain, safe="")} - {""}:
            kept = {name: value.replace(text, "[secret]") for name, value in kept.items()}
            body = body.replace(text.encode(), b"[secret]")
    return Answer(request.url, status, kept, body, _now())


def _joined(url: httpx.URL, location: str, request: Request) -> httpx.URL:
    """Return where a URL leads from another; raises UpstreamError where it is none."""
    try:
        return url.join(location)
    except (httpx.InvalidURL, ValueError):
        raise UpstreamError(f"{request.url}: leads to what is no URL: not followed") from None


def retry_after(answer: Answer) -> float:
    """Return how many seconds an answer asks to wait; 0 where it does not say."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(min(int(text[:12]), 10**9))
    moment = moment_of_header(text)
    return max(0.0, (moment - answer.fetched_at).total_seconds()) if moment else 0.0


def _reason(exc: Exception) -> str:
    """Return what went wrong; httpx's own texts may hold a URL and so are not passed on."""
    if isinstance(exc, Transient):
        return str(exc).rpartition(": ")[2]
    if isinstance(exc, TimeoutError | httpx.TimeoutException):
        return "too slow"
    if isinstance(exc, httpx.RemoteProtocolError):
        return "cut short, or no proper HTTP"
    found: BaseException | None = exc
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {found.verify_message}"
        if isinstance(found, ssl.SSLError):
            return f"no encryption agreed on: {found.reason}"
        if isinstance(found, OSError) and found.errno:
            return os.strerror(found.errno) if found.errno > 0 else str(found.strerror)
        found = found.__cause__ or found.__context__
    return type(exc).__name__


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
