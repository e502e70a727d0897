"""What services do without, to be small: Arrow's own memory, and pandas."""

import sys

import pyarrow as pa


def return_memory() -> None:
    """Let Arrow take its memory from the system, in the whole process, from here on.

    Its own pool keeps what a batch once needed, 50 MB and more, and is no faster at this.
    """
    pa.set_memory_pool(pa.system_memory_pool())


def leave_pandas_out() -> None:
    """Have Arrow load pandas only where it is asked for a DataFrame.

    It would at the first value that it is given, to know pandas' own types: 40 MB and a third of
    a second of every start. What is given to it later as such a type is not told from others.
    """
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.scalar(0)
    finally:
        sys.meta_path.remove(_NoPandas)


class _NoPandas:
    """A finder that lets nobody import pandas."""

    @classmethod
    def find_spec(cls, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)
