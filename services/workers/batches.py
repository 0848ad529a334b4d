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
    """Learns how many articles of a stage make about two seconds of work.

    ``least`` is for a stage where a batch costs much, whatever its size (a commit of the index): asked for
    less time than that, a count by the article would shrink until next to nothing is done in a batch.
    """

    def __init__(self, most: int, least: int = 1) -> None:
        self._most = most
        self._least = min(most, max(1, least))
        self._seconds_each: float | None = None

    def now(self, seconds: float = BATCH_SECONDS) -> int:
        """How many to claim for so many seconds of work."""
        if self._seconds_each is None:
            return max(self._least, int(self._most * seconds / BATCH_SECONDS) // 4)
        return max(self._least, min(self._most, int(seconds / max(self._seconds_each, 1e-6))))

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
