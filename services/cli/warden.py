"""Ends the children of a supervisor that was killed: a small process on the other end of a pipe.

The pipe closes when the supervisor dies, however it dies; that works alike on Linux and macOS, and for
children that hang or have children of their own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

GRACE = 3.0  # seconds between asking the orphans and killing them


class Warden:
    """The supervisor's end: tells the warden process which groups there are."""

    def __init__(self, keep_open: tuple[int, ...] = (), grace: float = GRACE) -> None:
        self._grace = grace
        self._keep_open = keep_open  # such as the lock that must outlive the supervisor
        self._groups: list[int] = []
        self._process: subprocess.Popen[str] | None = None

    def watch(self, groups: Sequence[int]) -> None:
        """Say which process groups are to be ended when the supervisor is gone, in place of those before."""
        self._groups = list(groups)
        if self._is_alive():
            self._tell(" ".join(map(str, self._groups)))
        else:
            self._start()

    def ensure(self) -> None:
        """Start the warden again if it has died."""
        if not self._is_alive():
            self.watch(self._groups)

    def _is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        # By path and isolated: it needs the standard library alone, and starts in a few milliseconds.
        self._process = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, "-I", "-S", __file__, str(self._grace), *map(str, self._groups)],
            stdin=subprocess.PIPE,
            pass_fds=self._keep_open,
            start_new_session=True,
            text=True,
        )

    def _tell(self, line: str) -> None:
        if self._process and self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()

    def close(self) -> None:
        """Dismiss the warden, once the children have been stopped in order."""
        if self._process and self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.write("done\n")
                self._process.stdin.close()
            self._process.wait(timeout=10)


def _signal_groups(groups: Iterable[int], number: int) -> list[int]:
    """Signal each group; returns those that are still there."""
    there = []
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            there.append(group)
    return there


def end_groups(groups: Iterable[int], grace: float) -> None:
    """Ask every process group to end, and kill those that remain after ``grace`` seconds."""
    left = _signal_groups(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = _signal_groups(left, 0)
    _signal_groups(left, signal.SIGKILL)


def main() -> None:
    """Keep the process ids given last, as arguments or a line; end their groups when the pipe closes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups = sys.argv[2:]
    for line in sys.stdin:
        if line.strip() == "done":
            return
        groups = line.split()
    end_groups(map(int, groups), float(sys.argv[1]))


if __name__ == "__main__":
    main()
