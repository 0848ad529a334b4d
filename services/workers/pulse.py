"""A worker's heartbeat: a file whose age says whether work gets on, and the last resort when it does not.

Others judge the file as well: the supervisor of `copydesk up`, and compose's health checks.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from shared.settings import Settings

VARIABLE = "COPYDESK_HEARTBEAT"
BEAT_SECONDS = 2.0
SILENCE_SECONDS = 20.0  # without a beat, and a worker counts as hung
SWEEPS_MISSED = 4
# A supervisor kills a silent worker first; compose restarts only what has ended, so it ends itself then.
LAST_RESORT = 3  # times the silence
ACCEPT_SECONDS = 5.0  # for a killed child to be replaced, and to take the next request


class Request(Protocol):
    """What is asked of Celery's request: its id, and when a child accepted it (None: not yet)."""

    id: str
    time_start: float | None


def heartbeat() -> Path | None:
    """The file to touch, if there is to be one."""
    path = os.environ.get(VARIABLE)
    return Path(path) if path else None


def beat() -> None:
    """Touch the file; one that cannot be touched grows old, and that says enough."""
    path = heartbeat()
    if path is not None:
        with suppress(OSError):
            path.touch()


def silent_limit(settings: Settings, *, sweeps: bool) -> float:
    """Seconds without a beat after which a worker counts as hung; a sweeper beats at every sweep only."""
    return max(SILENCE_SECONDS, SWEEPS_MISSED * settings.sweep_seconds) if sweeps else SILENCE_SECONDS


class Reception:
    """Notices a pool that does not take what it was given: a frozen child, which no time limit reaches.

    Celery counts a task's time limit from the moment a child accepts it. Before that a request waits for
    those that run, and they are over, or killed, when one time limit has passed.
    """

    def __init__(self, task_time_limit: float) -> None:
        self._limit = task_time_limit + ACCEPT_SECONDS
        self._since: dict[str, float] = {}

    def is_stuck(self, reserved: Iterable[Request], now: float) -> bool:
        """Whether one of the requests has waited too long; to be asked every few seconds."""
        waiting = [request.id for request in reserved if request.time_start is None]
        self._since = {name: self._since.get(name, now) for name in waiting}
        return any(now - since > self._limit for since in self._since.values())


def watch(path: Path, limit: float, end: Callable[[float], None]) -> None:
    """Look at the file from a thread, and call ``end`` once it has not been touched for ``limit`` seconds.

    The thread takes no locks, so that a fork may come at any moment and a hung process may hold any.
    """
    threading.Thread(target=_watch, args=(path, limit, end), daemon=True, name="pulse").start()


def _watch(path: Path, limit: float, end: Callable[[float], None]) -> None:
    last, silent = _touched(path), 0.0
    # Counted in looks, not by the clock: a machine or container that was suspended has not been silent.
    while silent < limit:
        time.sleep(BEAT_SECONDS)
        seen = _touched(path)
        silent = silent + BEAT_SECONDS if seen == last else 0.0
        last = seen
    end(limit)


def _touched(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
