"""What services do without until somebody asks for it."""

import subprocess
import sys

import pytest

_ASKED = """
import sys
import services.{service}.app
from shared.memory import leave_pandas_out
leave_pandas_out()
import pyarrow as pa
table = pa.table({{"a": pa.array([1, None])}})
assert "pandas" not in sys.modules
frame = table.to_pandas()
assert pa.Table.from_pandas(frame).num_rows == 2
assert frame["a"].isna().tolist() == [False, True]
"""


@pytest.mark.parametrize("service", ["api", "fetcher", "loader", "processor"])
def test_pandas_is_loaded_when_a_frame_is_asked_for_and_not_before(service: str) -> None:
    subprocess.run([sys.executable, "-c", _ASKED.format(service=service)], check=True, timeout=60)
