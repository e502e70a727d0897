"""A process that has imported the loader and forks, so that imports are paid for once.

Reads orders from its standard input, a JSON object a line, and answers each with one.
"""

import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from services.loader.__main__ import main
from shared.database.duckdb import database as _duckdb
from shared.database.postgres import database as _postgres
from shared.registry import discover
from tests.faults.harness.mutants import MUTANTS

_PR_SET_PDEATHSIG = 1
_PRELOADED = (_duckdb, _postgres)


def serve() -> None:
    """Obey orders until there are no more."""
    discover()
    for line in sys.stdin:
        order = json.loads(line)
        answer = _start(order) if "log" in order else _status(order["pid"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _start(order: Mapping[str, Any]) -> int:
    pid = os.fork()
    return pid or _become_loader(order)


def _status(pid: int) -> int | None:
    """Return how a loader ended, None while it runs; a signal is a negative number."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become_loader(order: Mapping[str, Any]) -> NoReturn:
    status = 99
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        log = os.open(Path(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(order["environment"])
        for name in order["mutants"]:
            MUTANTS[name]()
        status = main(order["arguments"])
    except BaseException:  # noqa: BLE001 - the process's edge: its log says why
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    serve()
