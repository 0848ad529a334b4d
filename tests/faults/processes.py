"""One process of a newsroom that a fault may hit: in a session of its own, with its log in a file."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def until(look: Callable[[], Any], what: str | Callable[[], str], seconds: float = 90.0) -> Any:
    """Poll until ``look`` gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        told = what() if callable(what) else what
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {told}"
        time.sleep(0.05)  # a question to the ledger takes some milliseconds, and four processes ask
    return found


class Process:
    """A program that can be started, hit and started again; ``ready`` says whether it does its work."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        ready: Callable[[], bool] = lambda: True,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.log = log
        self.starts = 0
        self._argv = tuple(argv)
        self._environ = dict(environ)
        self._ready = ready
        self._before = before
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True, limit: Callable[[], None] | None = None) -> Process:
        """Start it; ``limit`` runs in the new process before the program, to take resources from it."""
        assert not self.alive, f"{self.name} runs already"
        self._before()
        self.starts += 1
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._argv, cwd=ROOT, env=self._environ, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=limit,  # noqa: PLW1509 - it takes no lock
            )  # fmt: skip
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds: float = 90.0) -> None:
        def look() -> bool:
            assert self.alive, f"{self.name} ended:\n{self.said()[-3000:]}"
            return self._ready()

        until(look, lambda: f"{self.name}:\n{self.said()[-3000:]}", seconds)

    def wait_restarted(self, seconds: float = 90.0) -> None:
        """Wait until whoever keeps it up has it working again."""
        until(lambda: self.alive and self._ready(), lambda: f"{self.name}:\n{self.said()[-3000:]}", seconds)

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    @property
    def alive(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def code(self) -> int | None:
        return None if self._popen is None else self._popen.poll()

    def children(self) -> list[int]:
        try:
            return [
                int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            ]
        except OSError:
            return []

    def signal_all(self, number: int) -> None:
        """Send a signal to the process and everything it started."""
        if self._popen is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._popen.pid, number)

    def signal(self, number: int) -> None:
        """Send a signal to the process alone, as `kill` and Docker do."""
        if self.alive and self._popen is not None:
            self._popen.send_signal(number)

    def kill(self) -> None:
        """End it and its children at once."""
        self.signal_all(signal.SIGKILL)
        if self._popen is not None:
            self._popen.wait()

    def stop(self, seconds: float = 30.0) -> float:
        """Ask it to stop; returns how many seconds it took. Ends what is left of its group."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        if self._popen is not None:
            try:
                self._popen.wait(seconds)
            finally:
                self.signal_all(signal.SIGKILL)
                self._popen.wait()
        return time.monotonic() - began

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""
