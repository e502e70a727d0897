"""Where Arrow's memory comes from, in processes that let many batches pass by."""

import pyarrow as pa


def return_memory() -> None:
    """Let Arrow take its memory from the system, in the whole process, from here on.

    Its own pool keeps what a batch once needed, 50 MB and more, and is no faster at this.
    """
    pa.set_memory_pool(pa.system_memory_pool())
