"""DataFrames that were pickled: read without running anything that a pickle asks for."""

import pickle  # only what _PLAIN lists is ever looked up
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from shared.database.base import Database
from shared.database.sql import quote
from shared.database.steps import Execute, Load, Steps
from shared.errors import Fatal

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".pkl", ".pickle")

_PLAIN = {
    "builtins": {"slice", "bytearray", "complex"},
    "__builtin__": {"slice", "bytearray"},
    "collections": {"OrderedDict"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "numpy": {"dtype", "ndarray"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.numeric": {"_frombuffer"},
    "numpy._core.numeric": {"_frombuffer"},
    "pandas": {
        *("Categorical", "CategoricalDtype", "DataFrame", "DatetimeIndex", "DatetimeTZDtype"),
        *("BooleanDtype", "Float64Dtype", "Index", "Int64Dtype", "MultiIndex", "NA"),
        *("RangeIndex", "StringDtype", "Timestamp"),
    },
    "pandas.arrays": {
        *("ArrowStringArray", "BooleanArray", "DatetimeArray", "FloatingArray"),
        *("IntegerArray", "StringArray", "TimedeltaArray"),
    },
    "pandas._libs.arrays": {"__pyx_unpickle_NDArrayBacked"},
    "pandas._libs.internals": {"_unpickle_block"},
    "pandas._libs.missing": {"NAType", "NA", "_create_na"},
    "pandas._libs.tslibs.nattype": {"_nat_unpickle"},
    "pandas._libs.tslibs.offsets": {"BDay", "Day", "MonthEnd", "BusinessDay", "Week"},
    "pandas._libs.tslibs.timestamps": {"_unpickle_timestamp", "Timestamp"},
    "pandas.core.arrays.boolean": {"BooleanArray", "BooleanDtype"},
    "pandas.core.arrays.datetimes": {"DatetimeArray"},
    "pandas.core.arrays.floating": {"Float32Dtype", "Float64Dtype", "FloatingArray"},
    "pandas.core.arrays.integer": {"Int32Dtype", "Int64Dtype", "IntegerArray"},
    "pandas.core.arrays.string_": {"StringArray", "StringDtype"},
    "pandas.core.arrays.string_arrow": {"ArrowStringArray"},
    "pandas.core.dtypes.dtypes": {"DatetimeTZDtype"},
    "pandas.core.frame": {"DataFrame"},
    "pandas.core.indexes.base": {"Index", "_new_Index"},
    "pandas.core.indexes.datetimes": {"DatetimeIndex", "_new_DatetimeIndex"},
    "pandas.core.indexes.multi": {"MultiIndex"},
    "pandas.core.indexes.range": {"RangeIndex"},
    "pandas.core.internals.blocks": {"new_block"},
    "pandas.core.internals.managers": {"BlockManager"},
    "pyarrow.lib": {"type_for_alias", "_restore_array", "chunked_array", "py_buffer"},
    "pytz": {"_UTC"},
    "zoneinfo": {"ZoneInfo"},
}
"""All that a DataFrame of plain types names; none of it does anything but hold values."""


def _zone(owner: object, name: str) -> Any:
    """Return how time zones are unpickled, the one attribute that a frame asks for."""
    if owner is not ZoneInfo or name != "_unpickle":
        raise pickle.UnpicklingError(f"it asks for the attribute {name}")
    return getattr(ZoneInfo, name)


def _latin1(text: str, encoding: str) -> bytes:
    """Return bytes as the oldest pickles spell them."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding}")
    return text.encode("latin1")


_INSTEAD = {
    ("builtins", "getattr"): _zone,
    ("__builtin__", "getattr"): _zone,
    ("_codecs", "encode"): _latin1,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) in _INSTEAD:
            return _INSTEAD[module_name, global_name]
        if global_name not in _PLAIN.get(module_name, ()):
            raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")
        return super().find_class(module_name, global_name)


def pickled(folder: Path) -> dict[str, Path]:
    """Return the pickles of a folder by the tables that their names say."""
    if not folder.is_dir():
        return {}
    found = (path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES)
    return {path.stem.lower(): path for path in found}


def read_pickle(path: Path) -> "pd.DataFrame":
    """Return a pickled DataFrame of plain types; its named index becomes columns.

    Raises Fatal for anything else, of which nothing was run.
    """
    import pandas as pd

    try:
        with path.open("rb") as file:
            frame = _PlainUnpickler(file).load()
    except Exception as exc:  # a hostile file may make pickle raise anything
        raise Fatal(
            f"{path} is not a pickled DataFrame of plain types ({exc}): nothing in it was run; "
            "remove it, or write it anew with pandas"
        ) from exc
    if not isinstance(frame, pd.DataFrame):
        raise Fatal(f"{path} holds a {type(frame).__name__}, no DataFrame: remove it")
    if frame.columns.nlevels > 1:
        raise Fatal(f"{path} has columns of several levels: write one table a file")
    return frame.reset_index() if any(frame.index.names) else frame


async def fill(database: Database, files: dict[str, Path]) -> None:
    """Make a table of each pickle. Raises Fatal that names the file at fault."""
    for name, table in _tables(files):
        async with database.transaction() as transaction:
            await transaction.run(_create(name, table))


def _tables(files: dict[str, Path]) -> Iterator[tuple[str, pa.Table]]:
    for name, path in files.items():
        frame = read_pickle(path)
        frame.columns = [str(column) for column in frame.columns]
        try:
            yield name, pa.Table.from_pandas(frame, preserve_index=False)
        except (pa.ArrowException, ValueError) as exc:
            raise Fatal(f"{path} has columns of mixed types ({exc}): write it anew") from exc


def _create(name: str, rows: pa.Table) -> Steps[None]:
    yield Load("pickled_rows", rows)
    yield Execute(f"CREATE TABLE {quote(name)} AS SELECT * FROM pickled_rows")
