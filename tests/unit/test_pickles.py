"""Pickles are read where they are DataFrames of plain types, and run nothing else."""

import datetime as dt
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shared.database.transfer.pickles import pickled, read_pickle
from shared.errors import Fatal

DAYS = pd.date_range("2024-01-01", periods=2, tz="America/New_York")
FRAMES = [
    pd.DataFrame({"a": [1, 2], "s": ["x", None], "f": [1.5, np.nan], "d": DAYS}),
    pd.DataFrame({"o": [dt.date(2024, 1, 1), None], "c": pd.Categorical(["a", "b"])}),
    pd.DataFrame({"i": pd.array([1, None], "Int64"), "b": pd.array([True, None], "boolean")}),
    pd.DataFrame({"l": [["a"], None], "n": DAYS.tz_localize(None)}),
]


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_frames_of_plain_types_come_back(tmp_path: Path, protocol: int) -> None:
    for number, frame in enumerate(FRAMES):
        path = tmp_path / f"{number}.pkl"
        path.write_bytes(pickle.dumps(frame, protocol))
        pd.testing.assert_frame_equal(read_pickle(path), frame)
    named = pd.DataFrame({"x": [1, 2]}, index=pd.Index(DAYS, name="Date"))
    named.to_pickle(tmp_path / "FRED_data.pkl")
    assert list(read_pickle(tmp_path / "FRED_data.pkl").columns) == ["Date", "x"]
    assert "fred_data" in pickled(tmp_path)


class Calls:
    """Asks whoever unpickles it to call something."""

    def __init__(self, function: Any, *given: Any) -> None:
        self._asked = (function, given)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._asked


HOSTILE = [
    Calls(Path.touch, Path("owned")),
    Calls(eval, "open('owned', 'w')"),
    Calls(getattr, dt, "sys"),
    pd.DataFrame({"o": [Calls(open, "owned", "w"), 1]}, dtype=object),
    {"no": "frame"},
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_nothing_that_a_pickle_asks_for_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "fred_data.pkl"
    try:
        path.write_bytes(pickle.dumps(HOSTILE[number]))
    except TypeError:
        path.write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(Fatal, match=r"fred_data\.pkl"):
        read_pickle(path)
    assert not (tmp_path / "owned").exists()
