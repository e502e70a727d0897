"""Texts left in their data are what they would be cut out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.texts import Stretch, Texts
from tests.strategies import examples

texts = st.lists(st.none() | st.binary(max_size=9), max_size=9)


@examples(200)
@given(st.lists(texts, max_size=4), st.data())
def test_they_are_those_they_were_made_of(
    several: list[list[bytes | None]], data: st.DataObject
) -> None:
    expected = [text for each in several for text in each]
    joined = Texts.joined(map(Texts.of, several))
    assert list(joined) == expected
    assert len(joined) == len(expected)
    assert [joined[place] for place in range(-len(expected), len(expected))] == 2 * expected
    assert joined[1:] == expected[1:]
    assert joined.sizes.tolist() == [-1 if text is None else len(text) for text in expected]
    assert joined.lines() == b"".join((text or b"") + b"\n" for text in expected)
    chosen = sorted(data.draw(st.sets(st.integers(0, len(expected) - 1)))) if expected else []
    taken = joined.take(np.array(chosen, np.int64))
    assert list(taken) == [expected[place] for place in chosen]
    assert taken.lines() == b"".join((text or b"") + b"\n" for text in taken)


def test_lines_are_of_texts_alone_and_change_no_data() -> None:
    data = b"<key>{}<{1}>"
    within = Texts([Stretch(data, np.array([5, 8]), np.array([7, 11]))])
    assert within.lines() == b"{}\n{1}\n"
    assert list(within) == [b"{}", b"{1}"]
    assert data == b"<key>{}<{1}>"
