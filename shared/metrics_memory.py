"""Numbers that the processes of one prefork worker add to, each in a row of its own, in shared memory.

prometheus_client's way for several processes keeps files of every process that ever was. Here a process that
takes the place of a dead one goes on with its row: kill -9 loses nothing that was counted, and nothing grows.
"""

from __future__ import annotations

import fcntl
import mmap
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ROWS: Final = 128  # processes at once, the first row is the parent's; more of them share the last
NAME_BYTES: Final = 64
_NUMBER: Final = 8  # bytes: a double, which a processor stores in one step


class SharedNumbers:
    """So many numbers, each the sum over all rows; to be made before the processes are forked.

    A process adds to its own row alone, and from one thread: it needs no lock for that. Who holds a row says
    a record lock, which ends with its process, however that ends.
    """

    def __init__(self, numbers: int, rows: int = ROWS) -> None:
        self._width = numbers
        self._rows = rows
        self._memory = memoryview(mmap.mmap(-1, numbers * rows * _NUMBER)).cast("d")
        self._locks = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the worker lives
        self._base = 0

    def begin(self) -> None:
        """Take a row for this process; to be called once after its fork."""
        for row in range(1, self._rows):
            try:
                fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
            except OSError:  # another process holds it
                continue
            break
        self._base = row * self._width

    def add(self, place: int, amount: float = 1.0) -> None:
        """Add to a number."""
        self._memory[self._base + place] += amount

    def total(self, place: int) -> float:
        """A number as all processes together have it, those that ended too."""
        return sum(self._memory[place :: self._width].tolist())

    def close(self) -> None:
        """Give up this process's row."""
        self._locks.close()


class SharedNames:
    """A few names that all processes give the same places to; to be made before they are forked.

    A name keeps its place for as long as the worker lives: a series that changed hands would look like a
    burst.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._memory = mmap.mmap(-1, most * NAME_BYTES)
        self._lock = tempfile.TemporaryFile()  # noqa: SIM115 - as above
        self._known: dict[str, int] = {}

    def place(self, name: str) -> int | None:
        """The place of a name, a free one for a new name; None where all are taken, or it is too long."""
        found = self._known.get(name)
        if found is None and len(self._known) < self._most:
            found = self._take(name)
        return found

    def all(self) -> list[str]:
        """The names, each at its place."""
        raw = [self._memory[at * NAME_BYTES : (at + 1) * NAME_BYTES] for at in range(self._most)]
        return [text.decode("utf-8", "replace") for one in raw if (text := one.rstrip(b"\0"))]

    def close(self) -> None:
        """Close the file of the lock."""
        self._lock.close()

    def _take(self, name: str) -> int | None:
        encoded = name.encode("utf-8", "replace")
        if not encoded or len(encoded) > NAME_BYTES:
            return None
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            names = self.all()
            self._known = {known: at for at, known in enumerate(names)}
            if name not in self._known and len(names) < self._most:
                at = len(names) * NAME_BYTES
                self._memory[at : at + NAME_BYTES] = encoded.ljust(NAME_BYTES, b"\0")
                self._known[name] = len(names)
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)
        return self._known.get(name)


@dataclass(frozen=True, slots=True)
class SharedHistogram:
    """A histogram among shared numbers, from a place on: its buckets (one more than bounds), then the sum."""

    numbers: SharedNumbers
    at: int
    bounds: Sequence[float]

    @staticmethod
    def width(bounds: Sequence[float]) -> int:
        """How many numbers a histogram of such bounds takes."""
        return len(bounds) + 2

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value, or several that are alike."""
        place = len(self.bounds)
        for each, bound in enumerate(self.bounds):
            if value <= bound:
                place = each
                break
        self.numbers.add(self.at + place, times)
        self.numbers.add(self.at + len(self.bounds) + 1, value * times)

    def buckets(self) -> list[tuple[str, float]]:
        """The bounds with how many values are no larger, as Prometheus counts them."""
        found, below = [], 0.0
        for place, bound in enumerate([*map(str, self.bounds), "+Inf"]):
            below += self.numbers.total(self.at + place)
            found.append((bound, below))
        return found

    def sum(self) -> float:
        """All values together."""
        return self.numbers.total(self.at + len(self.bounds) + 1)
