"""How a stage waits while something that it needs is away: calmly, and told of once.

Each process keeps its own calm: the ledger's rows stay free meanwhile, so whoever finds things well goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.errors import BadSettings, IndexMissing
from shared.log import get_logger
from shared.messages import Stage

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 10.0  # also at once where only a person can help


class Calm:
    """The trouble of one stage in one process: when it may try again, and what was said about it."""

    def __init__(self, stage: Stage, clock: Callable[[], float] = time.monotonic) -> None:
        self._stage = stage
        self._clock = clock
        self._pause = 0.0
        self._until = 0.0
        self.reason: str | None = None  # of the present trouble

    def seconds_left(self) -> float:
        """How long the stage has still to wait; 0 when it may try."""
        return max(0.0, self._until - self._clock())

    def trouble(self, error: Exception) -> None:
        """Take note of an outage: 1 s until the next try, doubled each time, at most 10 s.

        The first time it is logged: as an error where it lasts until a person mends it (no index, or a
        setting that cannot be used), else as a warning.
        """
        lasting = isinstance(error, IndexMissing | BadSettings)
        if self.reason is None:
            tell = get_logger().error if lasting else get_logger().warning
            tell("stage stands" if lasting else "stage waits", stage=self._stage, reason=str(error))
        self.reason = str(error)
        longer = LONGEST_SECONDS if lasting else max(FIRST_SECONDS, 2 * self._pause)
        self._pause = min(LONGEST_SECONDS, longer)
        self._until = self._clock() + self._pause

    def over(self) -> None:
        """Take note that the stage got on."""
        if self.reason is not None:
            get_logger().info("stage goes on", stage=self._stage, waited_for=self.reason)
        self.reason, self._pause, self._until = None, 0.0, 0.0
