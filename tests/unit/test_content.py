"""Content encodings undone piece by piece, wherever the network cuts them."""

import gzip
import zlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.http.content import Content
from shared.errors import Transient
from tests.strategies.depth import examples

URL = "https://example.org/"


def bare(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, mtime=0),
    "x-gzip": lambda body: gzip.compress(body[:3], mtime=0) + gzip.compress(body[3:], mtime=0),
    "deflate": zlib.compress,
    " Deflate": bare,
    "": bytes,
}


@examples(100)
@given(
    st.sampled_from(sorted(PACKED)),
    st.binary(max_size=200),
    st.lists(st.integers(0, 250), max_size=6) | st.just(list(range(250))),
)
def test_it_does_not_matter_where_a_body_is_cut(
    encoding: str, body: bytes, cuts: list[int]
) -> None:
    packed = PACKED[encoding](body)
    content = Content(encoding, 1_000, URL)
    places = sorted({0, len(packed), *(cut for cut in cuts if cut < len(packed))})
    for begin, end in pairwise(places):
        content.add(packed[begin:end])
    assert content.whole() == body


@pytest.mark.parametrize("kept", [1, 2, 9, 25])
def test_a_body_that_ends_too_early_is_no_body(kept: int) -> None:
    content = Content("gzip", 1_000, URL)
    content.add(gzip.compress(b"hello" * 20, mtime=0)[:kept])
    with pytest.raises(Transient, match="truncated"):
        content.whole()
