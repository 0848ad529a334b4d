"""The bands of a sketch: numbers of which two texts share the more, the more they resemble each other.

128 permutations by multiply-shift (Dietzfelbinger 1996) on 64-bit numbers, in 64 bands of two rows: texts of
which one half is the other's are found with certainty, those that share a tenth of their shingles every other
time. The factors are made here from a fixed seed and everything is arithmetic modulo 2**64, so the numbers
are the same on every machine and with every version of numpy; they are stored, and must not change.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from shared.nearness.sketch import Sketch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BANDS = 64
ROWS = 2
LEAST_SHINGLES = 10  # a text of a dozen words; what is shorter is compared as a whole, with its title
PART = 4_096  # shingles at a time: 4 MB of products

_SEED = 0x636F7079_6465736B
_LOW = (1 << 64) - 1


def band_keys(sketch: Sketch) -> tuple[int, ...]:
    """One 32-bit number for each of 64 bands, in order; none for a text that is too short to have bands."""
    if len(sketch.shingles) < LEAST_SHINGLES:
        return ()
    import numpy as np

    factors, terms, mixers = _permutations()
    shingles = np.fromiter(sketch.shingles, dtype=np.uint64, count=len(sketch.shingles))
    lowest = np.full(BANDS * ROWS, _LOW, dtype=np.uint64)
    for start in range(0, len(shingles), PART):
        hashed = shingles[start : start + PART, None] * factors
        hashed += terms  # in place: half the time goes into new arrays
        lowest = np.minimum(lowest, hashed.min(axis=0))
    rows = ((lowest >> np.uint64(32)) * mixers).reshape(BANDS, ROWS)
    mixed = (rows[:, 0] ^ (rows[:, 1] << np.uint64(1))) * mixers[:BANDS]
    return tuple((mixed >> np.uint64(32)).tolist())


@lru_cache(maxsize=1)
def _permutations() -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
    """Odd factors, terms to add, and odd factors to mix with; of each one per permutation."""
    import numpy as np

    numbers = _random_numbers(3 * BANDS * ROWS)
    factors, terms, mixers = (
        np.array(numbers[at :: 3], dtype=np.uint64) for at in range(3)
    )  # fmt: skip
    one = np.uint64(1)
    return factors | one, terms, mixers | one


def _random_numbers(count: int) -> list[int]:
    """Numbers of 64 bits by splitmix64 (Steele, Lea, Flood 2014)."""
    state, found = _SEED, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & _LOW
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _LOW
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _LOW
        found.append(mixed ^ (mixed >> 31))
    return found
