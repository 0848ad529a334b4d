"""How many wrong keys came from one address in a minute, counted in Redis by all processes together.

While Redis is away each process counts for itself.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, cast

from limits.storage import MemoryStorage, Storage, storage_from_string

from shared.log import get_logger
from shared.quota import WINDOW_SECONDS, storage_options
from shared.settings import Settings

AWAY_SECONDS: Final = 5.0  # how long a Redis that did not answer is left alone
MOST_BLOCKED: Final = 10_000  # addresses; the oldest go, and are counted anew


class Failures:
    """Counts wrong keys by address, and remembers who has sent too many. Safe for threads."""

    def __init__(self, settings: Settings, steady: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = settings.wrong_keys_per_minute
        uri = settings.redis_url or "memory://"
        self._shared = cast("Storage", storage_from_string(uri, **storage_options(settings)))
        self._own = MemoryStorage()
        self._steady = steady
        self._away_until = float("-inf")
        self._blocked: OrderedDict[str, float] = OrderedDict()  # until when
        self._lock = threading.Lock()

    def seconds_left(self, address: str) -> int:
        """For how long an address has to wait that has sent too many; 0 where it need not.

        Of what this process knows: it costs nothing, and stands before everything else.
        """
        with self._lock:
            left = self._blocked.get(address, 0.0) - self._steady()
        return int(left) + 1 if left > 0 else 0

    def count(self, address: str) -> int:
        """Count one more wrong key; how many seconds its address has to wait if that was too many, else 0."""
        name = f"wrong-keys/{address}"
        counted, storage = self._add(name)
        if counted < self.per_minute:
            return 0
        seconds = max(1, min(WINDOW_SECONDS, self._reset_in(storage, name)))
        with self._lock:
            self._blocked[address] = self._steady() + seconds
            self._blocked.move_to_end(address)
            if len(self._blocked) > MOST_BLOCKED:
                self._blocked.popitem(last=False)
        return seconds if counted > self.per_minute else 0

    def _add(self, name: str) -> tuple[int, Storage]:
        if self._steady() >= self._away_until:
            try:
                return self._shared.incr(name, WINDOW_SECONDS), self._shared
            except Exception as error:  # noqa: BLE001 - whatever Redis' library raises: it is away
                self._away_until = self._steady() + AWAY_SECONDS
                get_logger().warning("wrong keys are counted by each process", error=type(error).__name__)
        return self._own.incr(name, WINDOW_SECONDS), self._own

    @staticmethod
    def _reset_in(storage: Storage, name: str) -> int:
        try:
            return int(storage.get_expiry(name) - time.time()) + 1
        except Exception:  # noqa: BLE001 - as above, in this moment
            return WINDOW_SECONDS
