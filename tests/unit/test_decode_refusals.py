"""What becomes of a batch whose refusals are kept for longer than it."""

import gc
import sys

from shared.decode import decode
from tests.strategies import as_message
from tests.unit.test_decode import BAR, BARS, GOOD_BARS, NOW


def test_what_was_refused_holds_on_to_no_other_message() -> None:
    values = [GOOD_BARS[0] + b" ", b"{", BAR[:-1] + b',"volume":true}', GOOD_BARS[1] + b" "]
    messages = [as_message(value, offset) for offset, value in enumerate(values)]
    gc.collect()
    gc.disable()
    try:
        before = sys.getrefcount(values[0])
        decoded = decode(BARS, messages, NOW)
        assert len(decoded.rejected) == 2
        after = sys.getrefcount(values[0])
        assert after == before
    finally:
        gc.enable()
