"""How the replay lane gives way: while live news comes in, replay holds one child of a worker at most.

A live article waits for nothing but a child of its worker, so one is kept free of long batches, and the
other rests for longer than it replayed.
"""

from __future__ import annotations

import fcntl
import os
import struct
import tempfile
import time
from collections.abc import Callable

REPLAY_SECONDS = 0.1  # of work in a replay batch beside live news; with one child, live waits for it
# A batch costs something whatever its size. On a machine so busy that this alone takes the tenth of a second,
# batches of two would be all that is ever done, with a rest after each: then it is some more, for at most:
REPLAY_LEAST, REPLAY_MOST_SECONDS = 8, 0.5
# Three stages take turns in a worker. With a rest of each stage by itself (0.1 s) one of them was always at
# work, and live news took 2.6 times as long at its 95th percentile (bench/replay.py, 2026-11-26).
REST = 3.0  # times as long as the batch took
REST_LEAST_SECONDS = 0.3
REST_MOST_SECONDS = 3.0  # also after a batch that an outage held up, or a worker that was stopped meanwhile
TURN_SECONDS = 0.2  # until a replay task that found the slot taken asks again
_UNTIL = struct.Struct("=d")


class ReplaySlot:
    """A place that one of the children of a worker can hold; to be made before they are forked.

    A record lock belongs to a process and ends with it, however it dies; the file has no name. In it stands
    until when the place rests, in seconds of the system's monotonic clock, which all processes share.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the worker lives
        os.pwrite(self._file.fileno(), _UNTIL.pack(0.0), 0)  # so that the room for it is there on a full disk
        self._taken = 0.0

    def take(self) -> float:
        """Take the place: 0 when that is done, else the seconds after which to ask again."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another child holds it
            return TURN_SECONDS
        self._taken = self._clock()
        left = self._rests_until() - self._taken
        if left > 0:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        return max(0.0, left)

    def give(self) -> None:
        """Give the place up, to rest ``REST`` times as long as it was held."""
        now = self._clock()
        rest = min(REST_MOST_SECONDS, max(REST_LEAST_SECONDS, REST * (now - self._taken)))
        try:
            os.pwrite(self._file.fileno(), _UNTIL.pack(now + rest), 0)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file, which also gives the place up."""
        self._file.close()

    def _rests_until(self) -> float:
        return float(_UNTIL.unpack(os.pread(self._file.fileno(), _UNTIL.size, 0))[0])
