"""How the replay lane gives way: while live news comes in, replay holds one child of a worker at most.

A live article waits for nothing but a child of its worker, so one is kept free of long batches.
"""

from __future__ import annotations

import fcntl
import tempfile
from contextlib import suppress

REPLAY_SECONDS = (
    0.3  # of work in a replay batch beside live news; where there is one child, live waits for it
)
BREATH_SECONDS = 0.1  # between two such batches, for a live task that waits for the only child
TURN_SECONDS = 0.3  # until a replay task that found the slot taken asks again


class ReplaySlot:
    """A place that one of the children of a worker can hold; to be made before they are forked.

    A record lock belongs to a process and ends with it, however it dies; the file has no name.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the worker lives

    def take(self) -> bool:
        """Take the place, unless another child holds it."""
        with suppress(OSError):
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def give(self) -> None:
        """Give the place up."""
        fcntl.lockf(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file, which also gives the place up."""
        self._file.close()
