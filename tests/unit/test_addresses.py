"""Which addresses a fetcher asks: those of the public internet, however they are written."""

import pytest

from services.fetcher.answer import UpstreamError
from services.fetcher.http.addresses import refuse_private

PRIVATE = (
    *("127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.1.2.3", "224.0.0.1"),
    *("::", "::1", "fd00::1", "fe80::1", "ff02::1"),
    *("::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "2002:a00:1::"),
)
PUBLIC = ("1.1.1.1", "2606:4700::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::")


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_and_told_what_to_set(address: str) -> None:
    with pytest.raises(UpstreamError, match="FETCH_LOCAL_HOSTS"):
        refuse_private("example.org", [address], "https://example.org/")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_asked(address: str) -> None:
    refuse_private("example.org", [address], "https://example.org/")
