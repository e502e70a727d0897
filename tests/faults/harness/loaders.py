"""Loaders as processes of their own, started quickly and treated badly."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from shared.settings import Settings
from tests.services.process import end
from tests.waiting import until

ROOT = Path(__file__).parents[3]


class Launcher:
    """Forks loaders off a process that has everything imported; a context manager."""

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.harness.launcher"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        end(self._process)
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            assert stream is not None
            stream.close()

    def start(
        self,
        settings: Settings,
        log: Path,
        arguments: Sequence[str] = (),
        mutants: Sequence[str] = (),
    ) -> "LoaderProcess":
        """Start a loader; it runs at once."""
        order = {
            "environment": environment(settings),
            "log": str(log),
            "arguments": list(arguments),
            "mutants": list(mutants),
        }
        return LoaderProcess(self, self.ask(order), log)

    def ask(self, order: Mapping[str, Any]) -> Any:
        """Give an order and return the answer, which comes at once."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            self._errors.seek(0)
            raise AssertionError(f"the launcher has ended: {self._errors.read().decode()}")
        return json.loads(answer)


class LoaderProcess:
    """A running loader, or what is left of it."""

    def __init__(self, launcher: Launcher, pid: int, log: Path) -> None:
        self._launcher = launcher
        self._log = log
        self._status: int | None = None
        self.pid = pid

    @property
    def status(self) -> int | None:
        """How it ended, None while it runs; a signal is a negative number."""
        if self._status is None:
            self._status = self._launcher.ask({"pid": self.pid})
        return self._status

    @property
    def said(self) -> str:
        """Everything it has logged."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def memory_mb(self) -> float:
        """Resident memory."""
        fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def send(self, number: int) -> None:
        """Send a signal to it, while it runs."""
        assert self.status is None, self.said
        os.kill(self.pid, number)

    def stop(self) -> None:
        """Hold it, all of it, as a swapped-out machine would; returns when it stands."""
        self.send(signal.SIGSTOP)

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.send(signal.SIGKILL)
        assert await self.ended() == -signal.SIGKILL

    async def ended(self, within: float = 10.0) -> int:
        """Wait for its end; return how it ended."""
        try:
            await until(lambda: self.status is not None, within)
        except AssertionError:
            raise AssertionError(f"not ended within {within:g} s: {self.said}") from None
        assert self.status is not None
        return self.status

    async def assigned(self, within: float = 30.0) -> None:
        """Wait until it has partitions."""
        await until(lambda: "partitions assigned" in self.said or self.status is not None, within)
        assert self.status is None, self.said

    async def clear_away(self) -> None:
        """End it if it still runs, however it stands."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            await self.ended()


def environment(settings: Settings) -> dict[str, str]:
    """Return settings as a process's environment has them."""
    given = json.loads(settings.model_dump_json(exclude_unset=True))
    found = {name.upper(): str(value) for name, value in given.items()}
    if settings.database_url is not None:
        found["DATABASE_URL"] = settings.database_url.get_secret_value()
    return found
