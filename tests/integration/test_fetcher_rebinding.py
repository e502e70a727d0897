"""Names that change their mind: the address that was checked is the one that is connected to.

Two real servers stand on loopback; 127.0.0.1 counts as public here, 127.0.0.2 as private.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.fetcher.answer import Request, UpstreamError
from services.fetcher.http import addresses
from services.fetcher.http.client import HttpClient, Limits
from shared.errors import Transient
from tests.integration.misbehaving import Server, misbehaving, response, self_signed

NAME = "upstream.example.org"
PUBLIC, PRIVATE = "127.0.0.1", "127.0.0.2"


class Names:
    """A resolver that says one thing after the other, and the last again and again."""

    def __init__(self, *said: list[str]) -> None:
        self.said = list(said)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.said.pop(0) if len(self.said) > 1 else self.said[0]


@pytest.fixture(autouse=True)
def one_address_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda address: str(address) == PUBLIC)


@pytest.fixture
async def servers() -> AsyncIterator[tuple[Server, Server]]:
    """A public and a private server at the same port."""
    async with misbehaving() as public:
        port = int(public.address.rpartition(":")[2])
        async with misbehaving(address=PRIVATE, port=port) as private:
            for server in (public, private):
                server.replies["/data"] = [response(b"here")]
            yield public, private


@asynccontextmanager
async def client(
    names: Names, *hosts: str, schemes: tuple[str, ...] = ("http",)
) -> AsyncIterator[HttpClient]:
    rates = dict.fromkeys(hosts or (NAME,), 1_000.0)
    made = HttpClient(rates, limits=Limits(attempts=1), schemes=schemes, resolver=names)
    async with made as http:
        yield http


def request(server: Server, path: str = "/data", host: str = NAME) -> Request:
    return Request(server.url(path).replace(PUBLIC, host))


async def test_what_was_checked_is_connected_to_though_the_name_leads_elsewhere_by_then(
    servers: tuple[Server, Server],
) -> None:
    public, private = servers
    names = Names([PUBLIC], [PRIVATE])
    async with client(names) as http:
        assert (await http.get(request(public))).body == b"here"
        assert names.asked == [NAME]
        with pytest.raises(UpstreamError, match=f"{NAME} leads to {PRIVATE}"):
            await http.get(request(public))
    assert f"\r\nhost: {NAME}:" in public.heads[0]
    assert (len(public.requests), private.requests) == (1, [])


async def test_each_redirect_is_checked_anew(servers: tuple[Server, Server]) -> None:
    public, private = servers
    public.replies["/moved"] = [response(b"", 302, location="/data")]
    async with client(Names([PUBLIC], [PRIVATE])) as http:
        with pytest.raises(UpstreamError, match=f"{NAME} leads to {PRIVATE}"):
            await http.get(request(public, "/moved"))
    assert (public.requests, private.requests) == (["/moved"], [])


async def test_one_private_address_among_public_ones_is_enough(
    servers: tuple[Server, Server],
) -> None:
    public, private = servers
    async with client(Names([PUBLIC, PRIVATE])) as http:
        with pytest.raises(UpstreamError, match="not on the public internet"):
            await http.get(request(public))
    assert (public.requests, private.requests) == ([], [])


async def test_an_address_that_takes_no_connection_is_passed_over(
    servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda _: True)
    public, _ = servers
    async with client(Names(["127.0.0.3", PUBLIC])) as http:
        assert (await http.get(request(public))).body == b"here"


@pytest.mark.parametrize("said", [OSError("unknown"), UnicodeError("no name"), []])
async def test_a_name_that_leads_nowhere_is_no_answer(said: list[str] | Exception) -> None:
    async def names(host: str, port: int) -> list[str]:
        if isinstance(said, Exception):
            raise said
        return said

    made = HttpClient({NAME: 1_000.0}, limits=Limits(attempts=2, first_wait=0.0), resolver=names)
    async with made as http:
        with pytest.raises(Transient, match=rf"2 attempts \(the name {NAME} "):
            await http.get(Request(f"https://{NAME}/data"))


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    return tmp_path


async def test_the_certificate_is_that_of_the_name_and_no_connection_serves_another(
    trusted: Path,
) -> None:
    """Both names lead to one server, which has a certificate for one of them."""
    other = "other.example.org"
    async with misbehaving(self_signed(trusted, f"DNS:{NAME}")) as server:
        server.replies["/data"] = [response(b"here")]
        async with client(Names([PUBLIC]), NAME, other, schemes=("https",)) as http:
            assert (await http.get(Request(f"https://{NAME}:{_port(server)}/data"))).body == b"here"
            with pytest.raises(Transient, match="certificate is not trusted: Hostname mismatch"):
                await http.get(Request(f"https://{other}:{_port(server)}/data"))
    assert len(server.requests) == 1


async def test_behind_a_proxy_the_proxy_knows_where_names_lead(
    servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy is the private server, as those of companies are."""
    public, proxy = servers
    monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
    monkeypatch.delenv("no_proxy", raising=False)
    target = f"http://{NAME}/data"
    proxy.replies[target] = [response(b"by proxy")]

    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("unknown here")

    made = HttpClient({NAME: 1_000.0}, schemes=("http",), resolver=unknown)
    async with made as http:
        assert (await http.get(Request(target))).body == b"by proxy"
    assert (public.requests, proxy.requests) == ([], [target])


def _port(server: Server) -> str:
    return server.address.rpartition(":")[2]
