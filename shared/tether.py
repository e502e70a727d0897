"""Runs one command that ends when the process that started it does, however that dies.

A program of its own, `python tether.py COMMAND…`, using the standard library only:
the code that ties the knot must run in the new process, and may not be passed to
`preexec_fn` in a program that has threads.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1


def become(command: list[str], parent: int) -> None:
    """Turn this process into the command, to be killed by Linux when the parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")
    os.execv(command[0], command)  # noqa: S606 - a list, never a shell's text


def watch_over(command: list[str]) -> int:
    """Run the command until it ends, a signal asks for it, or standard input closes.

    For systems without Linux's death signal: the parent holds the other end of
    standard input, and every death closes it.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    if child.poll() is None:
        select.select([woken, sys.stdin], [], [])
    if child.poll() is None:
        child.kill()
    return child.wait()


def main() -> None:
    """Run the command that the arguments name: PARENT COMMAND…."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        become(command, parent)
    sys.exit(watch_over(command))


if __name__ == "__main__":
    main()
