"""Whether the ledger has room for more, so that a push is refused before its body is read.

This is advice: what is measured may be a second old. Whether a push is durable only its commit decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Final

from shared.errors import Unavailable
from shared.ledger.keeping import Load
from shared.log import get_logger
from shared.settings import Settings

REFRESH_SECONDS: Final = 1.0  # how old a measurement may be before the next one is begun
BUSY_SHARE: Final = 20  # a slow measurement (of a long backlog) is taken more seldom: 5% of the time,
SELDOM_SECONDS: Final = 10.0  # but this often
OLD_SECONDS: Final = 15.0  # older ones, after a quiet time, say nothing any more
PATIENCE_SECONDS: Final = 0.1  # for the first measurement, and after a quiet time; one request waits for it
BACKLOG_RETRY_SECONDS: Final = 10
DISK_RETRY_SECONDS: Final = 60


class Full(Unavailable):
    """No room: ``status`` (429 for the backlog, 503 for the disk) and when to come back, in seconds."""

    def __init__(self, message: str, status: int, retry_after: int) -> None:
        super().__init__(message, status, retry_after)
        self.status = status
        self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.args[0])


class Capacity:
    """The caps of the settings over a measurement that one thread at a time renews; safe to share.

    A request is checked against the last measurement and begins the next one when that is a second old, so
    that a slow ledger does not slow the check. Where none is to be had, nothing is refused.
    """

    def __init__(self, settings: Settings, measure: Callable[[], Load]) -> None:
        self._settings = settings
        self._measure = measure
        self._lock = Lock()
        self._load: Load | None = None
        self._taken = -OLD_SECONDS  # when, by the monotonic clock
        self._due = 0.0
        self._running: Event | None = None  # set when the measurement under way has ended
        self._full = False

    def check(self) -> None:
        """Return when there seems to be room; raises ``Full``."""
        begun = self._begin()
        if begun is not None and self._is_old():
            begun.wait(PATIENCE_SECONDS)
        load = None if self._is_old() else self._load
        error = None if load is None else self._reason(load)
        self._tell(error)
        if error is not None:
            raise error

    def check_now(self) -> None:
        """Measure, and raise ``Full`` when there is no room; raises ``Unavailable`` without a measurement."""
        if (error := self._reason(self._measure())) is not None:
            raise error

    def check_disk(self) -> None:
        """Measure, and raise ``Full`` when it is the disk that has no room."""
        if (error := self._disk(self._measure())) is not None:
            raise error

    def close(self) -> None:
        """Wait for a measurement under way, and begin no more."""
        with self._lock:
            self._due, running = float("inf"), self._running
        if running is not None:
            running.wait()

    def _is_old(self) -> bool:
        return time.monotonic() - self._taken >= OLD_SECONDS

    def _begin(self) -> Event | None:
        """Begin a measurement when one is due and none is under way; returns its end."""
        if time.monotonic() < self._due or self._running is not None:
            return None
        with self._lock:
            if time.monotonic() < self._due or self._running is not None:
                return None
            ended = self._running = Event()
        Thread(target=self._run, args=(ended,), name="capacity", daemon=True).start()
        return ended

    def _run(self, ended: Event) -> None:
        began = time.monotonic()
        load: Load | None = None
        try:
            load = self._measure()
        except Unavailable:
            pass  # the commit will say so, in its own words
        except Exception:  # noqa: BLE001 - the thread's edge; without a measurement nothing is refused
            get_logger().exception("load not measured")
        now = time.monotonic()
        with self._lock:
            self._load, self._taken = load, now
            pause = min(max(REFRESH_SECONDS, BUSY_SHARE * (now - began)), SELDOM_SECONDS)
            self._due = max(self._due, now + pause)
            self._running = None
        ended.set()

    def _reason(self, load: Load) -> Full | None:
        most = self._settings.max_backlog
        if load.pending > most:
            words = f"more than {most} articles wait to be worked on (COPYDESK_MAX_BACKLOG); try again later"
            return Full(words, 429, BACKLOG_RETRY_SECONDS)
        return self._disk(load)

    def _disk(self, load: Load) -> Full | None:
        most, least = self._settings.max_ledger_bytes, self._settings.min_free_bytes
        if load.ledger_bytes > most:
            words = f"the ledger holds more than {most} bytes (COPYDESK_MAX_LEDGER_BYTES)"
        elif load.free_bytes is not None and load.free_bytes < least:
            words = f"less than {least} bytes are free on the ledger's disk (COPYDESK_MIN_FREE_BYTES)"
        else:
            return None
        return Full(words, 503, DISK_RETRY_SECONDS)

    def _tell(self, error: Full | None) -> None:
        if error is not None and not self._full:
            get_logger().warning("pushes refused", reason=str(error))
        elif error is None and self._full:
            get_logger().info("pushes accepted again")
        self._full = error is not None
