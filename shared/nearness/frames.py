"""Whether two texts share no more than a frame: what a site prints before or behind each of its stories.

The clean stage cuts lines that a source is known to repeat; this is for the first stories of a source, before
that is known, and for frames that are no lines. A copy shares something of what stands between, or agrees in
its title or in names; of two stories in one frame each has a core of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.nearness.sketch import Sketch, shared_in_order
from shared.nearness.templates import slots_differ, titles_agree

PENALTY = 2  # shared shingles that make up for one that is not: a frame may have a date or a name inside
LONGEST_OPENING = 30  # shingles; a longer beginning that two texts share is their news
LEAST_CORE = 8  # shingles
CORE = 0.2  # of the text; of a copy whose first sentences were rewritten less is its own
SHARED = 0.15  # of a core, below which nothing in it is shared
AGREEING_NAMES = 0.5


def shares_only_a_frame(one: Sketch, other: Sketch, *, is_most: bool) -> bool:
    """Whether all that two texts share stands before or behind what is their own.

    ``is_most``: it is most of the smaller one; then a common title alone makes up for another beginning.
    """
    return have_cores(one, other) and not _agree(one, other, is_most=is_most)


def have_cores(one: Sketch, other: Sketch) -> bool:
    """Whether each of two texts has a core of its own, in which nothing is shared."""
    return _has_core_of_its_own(one, other) and _has_core_of_its_own(other, one)


def _has_core_of_its_own(one: Sketch, other: Sketch) -> bool:
    shared = shared_in_order(one, other)
    core = shared[: len(shared) - _run(reversed(shared))]
    opening = _run(core)
    if opening <= LONGEST_OPENING:
        core = core[opening:]
    return len(core) >= max(LEAST_CORE, CORE * len(shared)) and sum(core) < SHARED * len(core)


def _run(shared: Iterable[bool]) -> int:
    """The length of the run at the start in which most is shared."""
    best = total = length = 0
    for at, is_shared in enumerate(shared, 1):
        total += 1 if is_shared else -PENALTY
        if total > best:
            best, length = total, at
    return length


def _agree(one: Sketch, other: Sketch, *, is_most: bool) -> bool:
    names = one.names & other.names
    by_names = len(names) >= 3 and len(names) >= AGREEING_NAMES * min(len(one.names), len(other.names))
    return by_names or (titles_agree(one, other) and (is_most or not slots_differ(one, other)))
