"""How requests are counted, on a clock of the test's own."""

from hypothesis import example, given
from hypothesis import strategies as st

from services.api import limits
from services.api.limits import WINDOW_SECONDS, Limits, network_of
from tests.strategies import examples


@examples(60)
@given(st.integers(1, 20), st.lists(st.floats(0, 30), min_size=1, max_size=80))
@example(1, [20.9])  # seconds that add up to a little more
def test_no_window_lets_more_through_than_twice_the_quota_and_waiting_helps(
    quota: int, pauses: list[float]
) -> None:
    now = 0.0
    counted = Limits(quota, lambda: now)
    let_in: list[float] = []
    for pause in pauses:
        now += pause
        standing = counted.take("key", "a")
        assert standing is not None
        assert 0 <= standing.remaining < quota
        assert 0 <= standing.reset <= WINDOW_SECONDS
        if not standing.wait:
            let_in.append(now)
            continue
        now += standing.wait
        again = counted.take("key", "a")
        assert again is not None and not again.wait, "who waits as told is let in"
        let_in.append(now)
    for at in let_in:
        assert sum(at <= each < at + WINDOW_SECONDS for each in let_in) <= 2 * quota


def test_a_burst_of_the_quota_is_let_in_and_no_more() -> None:
    counted = Limits(5, lambda: 7.0)
    waits = [standing.wait for _ in range(7) if (standing := counted.take("key", "a"))]
    assert waits == [0, 0, 0, 0, 0, 12, 12]
    other = counted.take("key", "b")
    assert other is not None and not other.wait


def test_what_is_remembered_is_bounded() -> None:
    counted = Limits(5, lambda: 7.0)
    for number in range(limits.MAX_CLIENTS + 10):
        counted.take("address", str(number))
    assert len(counted._full_at) == limits.MAX_CLIENTS


def test_no_quota_counts_nothing() -> None:
    assert Limits(0).take("key", "a") is None


def test_an_address_of_ipv6_stands_for_its_network() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::1") == "2001:db8:1:2::"
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("::1") == "::1"
    assert network_of("testclient") == "testclient"
