"""The HTTP client against a real server that misbehaves: limits, retries, redirects, secrets."""

import asyncio
import datetime as dt
import gzip
import io
import shutil
import time
import zlib
from collections.abc import AsyncIterator
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.fetcher.answer import Request, UnreadableAnswer, UpstreamError
from services.fetcher.http.client import HttpClient, Limits
from shared.errors import Transient
from shared.observability import configure_logging
from tests.integration.misbehaving import Server, misbehaving, response, self_signed

SECRET = "3f1c9a7be55d0c42"
LIMITS = Limits(body_bytes=10_000, seconds=5.0, first_wait=0.5, longest_wait=90.0)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with misbehaving() as serving:
        yield serving


class Waits(list[float]):
    """Takes the place of sleeping, and remembers how long it would have been."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client(waits: Waits, limits: Limits = LIMITS, rate: float = 1_000.0) -> HttpClient:
    return HttpClient(
        {"127.0.0.1": rate}, limits=limits, schemes=("http", "https"), private=True, sleep=waits
    )


def request(server: Server, path: str = "/data") -> Request:
    return Request(server.url(f"{path}?series_id=GDP"), secrets={"api_key": SecretStr(SECRET)})


async def test_the_secret_goes_over_the_wire_and_stays_out_of_the_answer(server: Server) -> None:
    server.replies["/data"] = [response(b"{}", etag='"1"', last_modified="x")]
    async with client(Waits()) as http:
        answer = await http.get(request(server))
    assert server.requests == [f"/data?series_id=GDP&api_key={SECRET}"]
    assert answer.url == server.url("/data?series_id=GDP")
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"{}", '"1"')
    assert answer.fetched_at.tzinfo is not None


async def test_a_compressed_body_is_read_and_its_encoding_forgotten(server: Server) -> None:
    server.replies["/data"] = [response(gzip.compress(b"hello"), content_encoding="gzip")]
    async with client(Waits()) as http:
        answer = await http.get(request(server))
    assert answer.body == b"hello"
    assert not {"content-encoding", "content-length"} & answer.headers.keys()


async def test_it_waits_as_long_as_it_is_told_to_and_asks_again(server: Server) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
    server.replies["/data"] = [
        response(b"slow down", 429, retry_after="7"),
        response(b"slow down", 503, retry_after=format_datetime(later, usegmt=True)),
        response(b"{}"),
    ]
    waits = Waits()
    async with client(waits) as http:
        answer = await http.get(request(server))
    assert answer.status == 200
    assert 7 <= waits[0] <= 7.5
    assert 50 <= waits[1] <= 61
    assert len(waits) == 2


async def test_an_upstream_that_wants_to_be_left_alone_for_long_is(server: Server) -> None:
    server.replies["/data"] = [response(b"tomorrow", 429, retry_after="86400")]
    waits = Waits()
    async with client(waits) as http:
        answer = await http.get(request(server))
    assert (answer.status, answer.headers["retry-after"]) == (429, "86400")
    assert waits == []
    assert len(server.requests) == 1


async def test_it_asks_four_times_with_growing_jitter_and_returns_the_last_error(
    server: Server,
) -> None:
    server.replies["/data"] = [response(b"broken", 500)]
    waits = Waits()
    async with client(waits) as http:
        answer = await http.get(request(server))
    assert answer.status == 500
    assert len(server.requests) == 4
    assert all(0 <= wait <= limit for wait, limit in zip(waits, (0.5, 1.0, 2.0), strict=True))


@pytest.mark.parametrize("status", [400, 403, 404, 423])
async def test_an_error_that_asking_again_does_not_mend_is_returned_at_once(
    server: Server, status: int
) -> None:
    server.replies["/data"] = [response(b"no", status)]
    async with client(Waits()) as http:
        assert (await http.get(request(server))).status == status
    assert len(server.requests) == 1


async def test_a_truncated_body_is_asked_for_again(server: Server) -> None:
    server.replies["/data"] = [response(b'{"cut', length=100), response(b"{}")]
    async with client(Waits()) as http:
        assert (await http.get(request(server))).body == b"{}"


async def test_bodies_that_stay_truncated_are_never_an_answer(server: Server) -> None:
    server.replies["/data"] = [response(b'{"cut', length=100)]
    async with client(Waits()) as http:
        with pytest.raises(Transient, match="no answer in 4 attempts") as caught:
            await http.get(request(server))
    assert SECRET not in str(caught.value)


async def test_a_body_that_drips_is_given_up(server: Server) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(response(b"", length=1_000))
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    server.replies["/data"] = [drip]
    async with client(Waits(), Limits(seconds=0.3, attempts=2)) as http:
        with pytest.raises(Transient, match=r"no answer in 2 attempts \(too slow\)"):
            await http.get(request(server))


async def test_a_bomb_is_cut_at_the_limit_after_decompression(server: Server) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(b"0" * 30_000_000)
    server.replies["/data"] = [response(packed.getvalue(), content_encoding="gzip")]
    async with client(Waits()) as http:
        with pytest.raises(UnreadableAnswer, match="over 10,000 bytes"):
            await http.get(request(server))


async def test_compression_that_ends_too_early_is_asked_for_again(server: Server) -> None:
    packed = gzip.compress(b"hello" * 1_000)
    server.replies["/data"] = [
        response(packed[:-9], content_encoding="gzip"),
        response(packed[:20] + b"broken", content_encoding="gzip"),
        response(packed, content_encoding="gzip"),
    ]
    async with client(Waits()) as http:
        assert (await http.get(request(server))).body == b"hello" * 1_000
    assert len(server.requests) == 3


@pytest.mark.parametrize("bare", [True, False])
async def test_deflate_is_read_with_and_without_its_header(server: Server, bare: bool) -> None:
    packer = zlib.compressobj(wbits=-15 if bare else 15)
    packed = packer.compress(b"hello") + packer.flush()
    server.replies["/data"] = [response(packed, content_encoding="deflate")]
    async with client(Waits()) as http:
        assert (await http.get(request(server))).body == b"hello"


async def test_an_encoding_that_was_not_asked_for_is_an_error(server: Server) -> None:
    server.replies["/data"] = [response(b"hello", content_encoding="br")]
    async with client(Waits()) as http:
        with pytest.raises(UnreadableAnswer, match="'br' was not asked for"):
            await http.get(request(server))


async def test_a_chunked_body_without_its_end_is_no_answer(server: Server) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    server.replies["/data"] = [head + b"5\r\nhello\r\n"]
    async with client(Waits()) as http:
        with pytest.raises(Transient, match="no answer in 4 attempts"):
            await http.get(request(server))


async def test_unchanged_is_no_answer_to_who_did_not_ask_for_changes(server: Server) -> None:
    server.replies["/data"] = [response(b"", 304)]
    async with client(Waits()) as http:
        with pytest.raises(UpstreamError, match="says unchanged"):
            await http.get(request(server))


async def test_a_condition_that_cannot_be_written_is_left_out(server: Server) -> None:
    server.replies["/data"] = [response(b"{}")]
    asking = Request(server.url("/data"), headers={"if-none-match": '"é"', "x-plain": "1"})
    async with client(Waits()) as http:
        assert (await http.get(asking)).status == 200
    assert "if-none-match" not in server.heads[0]
    assert "x-plain: 1" in server.heads[0]


async def test_a_secret_that_the_upstream_repeats_is_not_quoted(server: Server) -> None:
    said = f"api_key={SECRET} is not registered".encode()
    server.replies["/data"] = [response(said, 400, link=f"</next?api_key={SECRET}>")]
    async with client(Waits()) as http:
        answer = await http.get(request(server))
    assert answer.body == b"api_key=[secret] is not registered"
    assert answer.headers["link"] == "</next?api_key=[secret]>"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]"])
async def test_private_addresses_are_refused_whatever_their_name(host: str) -> None:
    async with HttpClient({host.strip("[]"): 1_000.0}) as http:
        with pytest.raises(UpstreamError, match="not on the public internet"):
            await http.get(Request(f"https://{host}/data"))


async def test_a_certificate_that_nobody_vouches_for_is_no_answer(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    async with misbehaving(self_signed(tmp_path)) as server:
        server.replies["/data"] = [response(b"{}")]
        async with client(Waits(), Limits(attempts=2)) as http:
            with pytest.raises(Transient, match="certificate is not trusted: self-signed"):
                await http.get(Request(f"https://{server.address}/data"))
    assert server.requests == []


async def test_a_redirect_on_the_same_host_is_followed_without_the_secret(server: Server) -> None:
    server.replies["/data"] = [response(b"", 302, location="/moved?series_id=GDP")]
    server.replies["/moved"] = [response(b"{}")]
    async with client(Waits()) as http:
        answer = await http.get(request(server))
    assert answer.body == b"{}"
    assert server.requests[1] == "/moved?series_id=GDP"


@pytest.mark.parametrize(
    "location",
    ["http://localhost:1/", "https://example.org/data", "file:///etc/passwd", "//169.254.169.254/"],
)
async def test_a_redirect_to_a_foreign_host_is_not_followed(server: Server, location: str) -> None:
    server.replies["/data"] = [response(b"", 301, location=location)]
    async with client(Waits()) as http:
        with pytest.raises(UpstreamError, match="not one of the source's hosts") as caught:
            await http.get(request(server))
    assert SECRET not in str(caught.value)


async def test_a_redirect_loop_ends(server: Server) -> None:
    server.replies["/data"] = [response(b"", 302, location="/data")]
    async with client(Waits()) as http:
        with pytest.raises(UpstreamError, match="over 5 redirects"):
            await http.get(request(server))
    assert len(server.requests) == 6


async def test_hosts_that_are_not_known_and_plain_http_are_refused(server: Server) -> None:
    async with HttpClient({"127.0.0.1": 1_000.0}) as http:
        with pytest.raises(UpstreamError, match="leads to http://127"):
            await http.get(request(server))
    async with client(Waits()) as http:
        with pytest.raises(UpstreamError, match="leads to http://localhost"):
            await http.get(Request("http://localhost/data"))
    assert server.requests == []


async def test_a_server_without_tls_is_no_answer(server: Server) -> None:
    async with client(Waits(), Limits(connect_seconds=0.2, attempts=2)) as http:
        with pytest.raises(Transient, match="no answer in 2 attempts"):
            await http.get(Request(f"https://{server.address}/data"))


async def test_a_server_that_is_not_there_is_no_answer() -> None:
    async with client(Waits()) as http:
        with pytest.raises(Transient, match=r"4 attempts \(Connection refused\)"):
            await http.get(Request("http://127.0.0.1:1/data"))


async def test_requests_to_a_host_keep_its_rate(server: Server) -> None:
    server.replies["/data"] = [response(b"{}")]
    began = time.monotonic()
    async with client(Waits(), rate=20.0) as http:
        await asyncio.gather(*(http.get(request(server)) for _ in range(5)))
    assert time.monotonic() - began >= 4 / 20


async def test_the_secret_is_in_no_log_line(server: Server) -> None:
    log = io.StringIO()
    configure_logging("DEBUG", "json", "fetcher", [SecretStr(SECRET)], log)
    server.replies["/data"] = [response(b"no", 500), response(b"", 302, location="/data")]
    async with client(Waits()) as http:
        with pytest.raises(UpstreamError):
            await http.get(request(server))
    assert any(SECRET in asked for asked in server.requests)
    assert SECRET not in log.getvalue()
