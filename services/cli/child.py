"""One child process in a session of its own: spawn it, carry its lines, probe it, end it.

When to do which is the supervisor's business.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

PROBE_EVERY = 1.0  # seconds between probes of a ready child
PROBE_EARLY = 0.1  # while waiting for its first answer
LONGEST_LINE = 64 * 1024  # characters; a longer line is carried in pieces


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run, and how to tell that it lives: ``probe`` returns whether it answered just now."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    probe: Callable[[], bool] = lambda: True
    before: Callable[[], None] = lambda: None  # run ahead of every spawn
    once: bool = False  # runs to its end, and must succeed
    stops_last: bool = False  # only after every other child has gone
    hushed: re.Pattern[str] | None = None  # lines that are known, harmless, and alarm whoever reads them
    silence: float | None = None  # seconds that it may be silent, where that is not the supervisor's limit


class Child:
    """A child through all its lives; times are of the monotonic clock."""

    def __init__(self, spec: ChildSpec, pump: Callable[[str, str], None]) -> None:
        self.spec = spec
        self.crashes = 0
        self.greeted = False  # its readiness has been told, for this life
        self.restart_at: float | None = None
        self._pump = pump
        self._process: subprocess.Popen[str] | None = None
        self._started = 0.0
        self._ended: float | None = None
        self._answered: float | None = None

    def spawn(self) -> int:
        """Start a new life and return its process id, which is also that of its group and session."""
        self.spec.before()
        self.restart_at, self.greeted = None, False
        self._started, self._ended, self._answered = time.monotonic(), None, None
        self._process = subprocess.Popen(  # noqa: S603 - the commands are built by this program
            self.spec.argv,
            env=dict(self.spec.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches the supervisor alone
        )
        for work in (self._carry_lines, self._keep_probing):
            threading.Thread(target=work, args=(self._process,), daemon=True, name=self.spec.name).start()
        return self._process.pid

    def _carry_lines(self, process: subprocess.Popen[str]) -> None:
        stream: IO[str] | None = process.stdout
        while stream and (line := stream.readline(LONGEST_LINE)):
            if not (self.spec.hushed and self.spec.hushed.search(line)):
                self._pump(self.spec.name, line.rstrip("\n"))

    def _keep_probing(self, process: subprocess.Popen[str]) -> None:
        while self._process is process and process.returncode is None:
            answered = not self.spec.once and self.spec.probe()
            if answered and self._process is process:
                self._answered = time.monotonic()
            time.sleep(PROBE_EVERY if self.is_ready else PROBE_EARLY)

    @property
    def pid(self) -> int:
        """The process id of the present or last life; 0 before the first."""
        return self._process.pid if self._process else 0

    @property
    def exit_code(self) -> int | None:
        """The last life's exit code; negative for a signal, None while it runs."""
        return self._process.poll() if self._process else None

    @property
    def is_running(self) -> bool:
        """Whether the process is there; notes the time when it has just ended."""
        running = self._process is not None and self._process.poll() is None
        if not running and self._ended is None:
            self._ended = time.monotonic()
        return running

    @property
    def is_ready(self) -> bool:
        """Whether this life has answered its probe, or, for one that runs once, has succeeded."""
        return self._answered is not None or self.has_succeeded

    @property
    def has_succeeded(self) -> bool:
        """Whether a child that runs once has come to a good end."""
        return self.spec.once and self.exit_code == 0

    @property
    def age(self) -> float:
        """Seconds that this life has lasted, or did last."""
        return (self._ended or time.monotonic()) - self._started

    @property
    def silence(self) -> float:
        """Seconds since the last answer, or since the start."""
        return time.monotonic() - (self._answered or self._started)

    def forgive(self) -> None:
        """Count silence anew: the supervisor itself was not there to listen."""
        if self._answered is None:
            self._started = time.monotonic()
        else:
            self._answered = time.monotonic()

    def describe_end(self) -> str:
        """How the last life ended, in words."""
        code = self.exit_code or 0
        return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def terminate(self) -> None:
        """Ask the process itself to stop; it tells its own children."""
        if self._process and self.is_running:
            self._process.terminate()

    def kill(self) -> None:
        """Kill the whole group at once and collect the process."""
        if self._process:
            kill_group(self._process.pid)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1)

    def clear_remains(self) -> None:
        """Kill what a dead process left of its group, such as pool processes that hold a lock."""
        if self._process and not self.is_running:
            kill_group(self._process.pid)


def kill_group(pid: int) -> None:
    """Send SIGKILL to a process group, if it is still there."""
    if pid > 1:  # 0 would be this process's own group
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
