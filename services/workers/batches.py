"""How a worker holds a batch: how many to take, and the lease renewed while it works."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from shared.clock import now_ms
from shared.errors import Unavailable
from shared.ledger.port import Ledger
from shared.log import get_logger

BATCH_SECONDS = 2.0  # a batch that takes longer holds up stopping, and loses more when it dies
SMOOTHING = 0.3


class BatchSize:
    """Learns how many articles of a stage make about two seconds of work."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seconds_each: float | None = None

    def now(self) -> int:
        """How many to claim."""
        if self._seconds_each is None:
            return max(1, self._most // 4)
        return max(1, min(self._most, int(BATCH_SECONDS / max(self._seconds_each, 1e-6))))

    def learn(self, articles: int, seconds: float) -> None:
        """Take note of a finished batch."""
        if articles:
            each = seconds / articles
            known = each if self._seconds_each is None else self._seconds_each
            self._seconds_each = known + SMOOTHING * (each - known)


@contextmanager
def renewed_lease(ledger: Ledger, token: str, every: float, at_most: float) -> Iterator[None]:
    """Renew a lease from a thread, for no longer than the hard time limit of a task."""
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(ledger, token, every, at_most, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renew(ledger: Ledger, token: str, every: float, at_most: float, done: threading.Event) -> None:
    end = time.monotonic() + at_most
    while not done.wait(every) and time.monotonic() < end:
        try:
            if not ledger.renew(token, now_ms()):
                return
        except Unavailable as error:
            # The work goes on: if the lease lapses meanwhile, its commit is turned away, and that is all.
            get_logger().warning("lease not renewed", error=str(error))
