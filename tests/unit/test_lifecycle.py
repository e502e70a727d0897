"""A process ends when it is told to, in bounded time, and its status says how it went."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.errors import ConfigError, InvalidRecord, StaleOwner, Transient
from shared.lifecycle import guard, pause, run_together

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, sys
from shared.errors import *
from shared.lifecycle import run, run_together
from shared.observability import configure_logging

async def main(stop):
    configure_logging("INFO", "console", "test")
    print("ready", flush=True)
    {body}

sys.exit(run(main, grace={grace}))
"""
FOREVER = "await asyncio.sleep(3600)"
DEAF = """
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            print("deaf", flush=True)
"""


@contextmanager
def program(body: str, grace: float = 60) -> Iterator[subprocess.Popen[str]]:
    """Start a process whose service does this, and wait until it runs."""
    code = PROGRAM.format(body=body.strip("\n").strip(), grace=grace)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the status and what stood on stderr, within 30 seconds."""
    _, errors = process.communicate(timeout=30)
    return process.returncode, errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_services_end_by_themselves(number: signal.Signals) -> None:
    with program("await stop.wait(); print('saved', flush=True)") as process:
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "saved\n")
    assert "Traceback" not in errors


def test_a_service_that_does_not_end_is_cancelled() -> None:
    with program(FOREVER, grace=0.1) as process:
        process.terminate()
        status, errors = ended(process)
    assert status == 1
    assert "not ended 0.1 s after SIGTERM" in errors
    assert "Traceback" not in errors


def test_a_second_signal_cancels_at_once() -> None:
    with program("await stop.wait(); print('stopping', flush=True); " + FOREVER) as process:
        assert process.stdout is not None
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGINT)
        status, errors = ended(process)
    assert status == 1
    assert "second signal (SIGINT)" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("body", [DEAF, "await asyncio.to_thread(__import__('time').sleep, 3600)"])
def test_a_process_ends_even_when_its_service_does_not(body: str) -> None:
    with program(body, grace=0.1) as process:
        process.terminate()
        status, errors = ended(process)
    assert status == 1
    assert "exiting hard" in errors


def test_a_process_ends_although_its_event_loop_does_not_close() -> None:
    late = "asyncio.get_running_loop().close = lambda: __import__('time').sleep(3600)"
    with program(f"{late}; await stop.wait()") as process:
        process.terminate()
        status, errors = ended(process)
    assert status == 0
    assert "the event loop does not close" in errors


def test_a_closed_terminal_ends_nothing() -> None:
    with program("await stop.wait()") as process:
        process.send_signal(signal.SIGHUP)
        process.terminate()
        assert ended(process)[0] == 0


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("pass", 0, ""),
        ("return 3", 3, ""),
        ("raise ConfigError('FRED_API_KEY is missing: set it')", 78, "FRED_API_KEY is missing"),
        ("raise Transient('x://u:hunter2@h is away')", 1, "x://***@h is away"),
        ("raise Fatal('offsets went back')", 1, "offsets went back"),
    ],
)
def test_an_error_is_told_in_one_line(body: str, status: int, said: str) -> None:
    with program(body) as process:
        found, errors = ended(process)
    assert found == status
    assert errors == (f"econstream: {errors[12:].strip()}\n" if said else "")
    assert said in errors


def test_what_nobody_expected_is_logged_with_its_traceback() -> None:
    with program("raise ValueError('x://u:hunter2@h')") as process:
        status, errors = ended(process)
    assert status == 1
    assert "Traceback" in errors
    assert "ValueError" in errors
    assert "hunter2" not in errors


def test_the_status_of_several_errors() -> None:
    def failing(*errors: Exception) -> int:
        def work() -> int:
            raise ExceptionGroup("some", [ExceptionGroup("deep", errors)])

        return guard(work)

    assert failing(ConfigError("a"), Transient("b")) == 78
    assert failing(Transient("a"), StaleOwner("b")) == 1
    assert failing(InvalidRecord("a", "b")) == 1


def test_guard_lets_results_and_exits_through() -> None:
    assert guard(lambda: None) == 0
    assert guard(lambda: 2) == 2
    with pytest.raises(SystemExit):
        guard(lambda: sys.exit(2))


async def test_services_run_side_by_side_until_all_have_ended() -> None:
    met = asyncio.Barrier(2)
    seen = []

    async def service(stop: asyncio.Event) -> None:
        await met.wait()
        stop.set()
        seen.append(asyncio.current_task())

    await asyncio.wait_for(run_together({"a": service, "b": service}, asyncio.Event()), 10)
    assert {task.get_name() for task in seen if task} == {"a", "b"}


async def test_a_service_that_fails_cancels_the_others() -> None:
    cancelled = asyncio.Event()

    async def failing(_stop: asyncio.Event) -> None:
        raise Transient("away")

    async def waiting(stop: asyncio.Event) -> None:
        try:
            await stop.wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(ExceptionGroup) as caught:
        await run_together({"a": waiting, "b": failing}, asyncio.Event())
    assert caught.group_contains(Transient, match="away")
    assert cancelled.is_set()


async def test_a_pause_ends_early_when_the_process_stops() -> None:
    stop = asyncio.Event()
    assert await pause(stop, 0.001) is False
    waiting = asyncio.create_task(pause(stop, 3600))
    stop.set()
    assert await asyncio.wait_for(waiting, 10) is True


@pytest.mark.parametrize(("fault", "lines"), [("socket.gaierror(-3, 'x')", 0), ("OSError('x')", 1)])
def test_of_what_nobody_waits_for_only_a_look_up_given_up_is_passed_over(
    fault: str, lines: int
) -> None:
    body = f"import gc, socket; asyncio.Future().set_exception({fault}); gc.collect()"
    with program(body) as process:
        status, said = ended(process)
    assert status == 0
    assert said.count("never retrieved") == lines, said
