"""The command line as a user runs it: a process in a folder of its own, settings from nowhere."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.control import Door, find_running
from shared.control import Running as Found
from shared.errors import Transient
from shared.kafka import Producer, connect
from shared.record import Record
from shared.settings import Settings
from tests.waiting import until_sync

Rows = list[dict[str, Any]]

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples"
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")


@dataclass
class Shell:
    """A folder, and the settings that commands run in it are given."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    python: str = sys.executable

    def run(
        self,
        *arguments: str,
        text: str | None = None,
        timeout: float = 60.0,
        module: str = "services.cli",
        settings: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `text` is its standard input."""
        return subprocess.run(
            [self.python, "-m", module, *arguments],
            cwd=self.folder,
            env=self._environment(settings or {}),
            input=text if text is not None else "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    @contextmanager
    def started(self, *arguments: str, **settings: str) -> Iterator["Running"]:
        """Run a command beside the test; killed at the end where it still runs."""
        log = self.folder / f"{arguments[0]}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self.python, "-m", "services.cli", *arguments],
                cwd=self.folder,
                env=self._environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            yield Running(process, log)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(20)

    @contextmanager
    def piped(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command whose output the test reads; killed at the end where it still runs."""
        with subprocess.Popen(
            [self.python, "-m", "services.cli", *arguments],
            cwd=self.folder,
            env=self._environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def up(self, **settings: str) -> Iterator["Running"]:
        """Run `up` on a free port and wait until the other commands can find it."""
        with self.started("up", **{"API_PORT": "0", "FETCH_SOURCES": "cboe"} | settings) as up:
            self.await_announced(up)
            yield up

    def await_announced(self, process: "Running") -> Found:
        """Wait until the other commands can find this `up` or `demo`; return what it tells."""

        def announced() -> Found | bool:
            with suppress(Transient):
                found = find_running(self.folder / "data")
                if found and found.pid == process.process.pid:
                    return found
            return process.ended

        found = until_sync(announced, within=60)
        assert isinstance(found, Found), process.said
        return found

    def await_rows(self, expected: Rows, sql: str) -> None:
        """Wait until a query of the running `up` gives these rows; asks its door directly."""

        def given() -> bool:
            running = find_running(self.folder / "data")
            assert running, "no up runs"
            return bool(Door(running).query(sql).to_pylist() == expected)

        until_sync(given, within=60)

    def publish(self, dataset: str, key: str, value: bytes) -> None:
        """Put a record onto a topic of the running `up` or `demo`, acknowledged."""
        running = find_running(self.folder / "data")
        assert running, "no up runs"
        cluster = Settings(kafka_bootstrap_servers=running.kafka_bootstrap_servers)

        async def published() -> None:
            async with Producer(await connect(cluster)) as producer:
                await producer.publish([Record(f"econ.{dataset}", key.encode(), value)])

        # The test's own thread may be within an event loop, as where it looks through a browser.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, published()).result(60)

    def rows(self, sql: str, **settings: str) -> Rows:
        """Return the rows of a query, as the command prints them."""
        done = self.run("query", sql, "--json", settings=settings)
        assert done.returncode == 0, done.stderr
        found: Rows = json.loads(done.stdout)
        return found

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        # A dashboard only where a test wants one: all of them have one port by default.
        own = {"PYTHONPATH": str(ROOT), "DASHBOARD_PORT": "0"}
        return kept | own | self.settings | dict(settings)


@dataclass
class Running:
    """A command that runs beside the test, and what it has said so far."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def end(self, number: int = signal.SIGINT, within: float = 10.0) -> int:
        """Send a signal and return the exit status; fails where it takes longer."""
        self.process.send_signal(number)
        return self.process.wait(within)


def get(url: str) -> str:
    """Return the text that an address of the loopback answers with."""
    assert url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310  # the loopback alone
        text: str = answer.read().decode()
    return text


def one_line(stderr: str) -> str:
    """Return the single line that a failed command said; fails on a traceback or more lines."""
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    return lines[0]
