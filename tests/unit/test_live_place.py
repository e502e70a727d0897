"""Where a reader of changes stands: its token, and what is news to it after a restart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.live.place import Stand, read_place, write_token

NUMBERS = st.integers(0, 2**40)
STANDS = st.builds(
    Stand, NUMBERS, NUMBERS, st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3).map(tuple)
)


@given(st.dictionaries(st.integers(0, 999), STANDS, max_size=5))
def test_a_token_brings_its_place_back(place: dict[int, Stand]) -> None:
    assert read_place("econ.a", write_token("econ.a", place)) == place


@pytest.mark.parametrize("token", ["x", "AAAA", "ä", "W10", "a" * 5_000, "\0"])
def test_a_made_up_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="not an id that this stream gave"):
        read_place("econ.a", token)


def test_a_token_is_of_one_topic() -> None:
    with pytest.raises(ValueError, match="connect without one"):
        read_place("econ.b", write_token("econ.a", {0: Stand(1, 5)}))


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=5))
def test_a_version_is_news_exactly_once_over_all_epochs(readings: list[tuple[int, int]]) -> None:
    """Each epoch stores some offsets and is read so far; the last is read to its end.

    An epoch makes a version of what no epoch before it has, as a loader does that reads a
    topic again.
    """
    made: dict[int, int] = {}
    stand, told = Stand(0, 0), []
    for epoch, (stored, read) in enumerate([*readings, (9, 9)], start=1):
        for offset in range(stored):
            made.setdefault(offset, epoch)
        stand = Stand(1, 0) if epoch == 1 else stand.restarted(epoch, 0)
        for offset in range(min(stored, read)):
            if offset in made and stand.wants(made[offset], offset):
                told.append(offset)
            stand = stand.at(offset + 1)
    assert sorted(told) == list(range(9))
