"""Whether two texts share no more than a frame: what a site prints before or behind each of its stories.

The clean stage cuts lines that a source is known to repeat; this is for the first stories of a source, before
that is known, and for frames that are no lines. A copy shares something of what stands between, or agrees in
its title or in names; of two stories in one frame each has a core of its own. A core of a sentence or two may
be a story above a long disclaimer, or a new beginning of a long story: what is shared tells of that title.
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
LEAD = 48  # shingles; of a shorter core the names of the lead may be the frame's
# Of what is shared, those with a word of a title, of both texts together. Of news nine in ten have more below
# their first sentences (median .16), with a title of other news one in thirty.
TELLING = 0.06
MOST_TELLING = 30  # shingles, as many as are enough of a long text
SHORT_TELLING = 3  # shingles; one word of the title, said once, may be chance


def shares_only_a_frame(one: Sketch, other: Sketch, *, is_most: bool) -> bool:
    """Whether all that two texts share stands before or behind what is their own.

    ``is_most``: it is most of the smaller one; then a common title alone makes up for another beginning.
    """
    cores = (_own_core(one, other), _own_core(other, one))
    if min(cores) < LEAST_CORE or _titles_agree(one, other, is_most=is_most):
        return False
    if min(cores) >= LEAD and _names_agree(one, other):
        return False
    return _are_large(cores, one, other) or not _is_told_by_titles(one, other)


def have_cores(one: Sketch, other: Sketch) -> bool:
    """Whether each of two texts has a large core of its own, in which nothing is shared."""
    return _are_large((_own_core(one, other), _own_core(other, one)), one, other)


def is_short_frame(one: Sketch, other: Sketch) -> bool:
    """Whether a few sentences under two headlines say nothing of them: "This is a developing story ..."."""
    if not one.title or not other.title or one.title == other.title or titles_agree(one, other):
        return False
    mine, theirs = _shared_telling(one, other)
    return not (mine and theirs) and len(mine) + len(theirs) <= SHORT_TELLING


def _is_told_by_titles(one: Sketch, other: Sketch) -> bool:
    """Whether what two texts share is about what each says in its title; it is if one has none."""
    if not one.title or not other.title:
        return True
    if slots_differ(one, other) and not _names_agree(one, other):
        return False  # a disclaimer may speak of shares and prices as titles do
    mine, theirs = _shared_telling(one, other)
    needed = min(MOST_TELLING, TELLING * len(one.shingles & other.shingles))
    return bool(mine) and bool(theirs) and len(mine) + len(theirs) >= needed


def _shared_telling(one: Sketch, other: Sketch) -> tuple[frozenset[int], frozenset[int]]:
    return one.telling & other.shingles, other.telling & one.shingles


def _are_large(cores: tuple[int, int], one: Sketch, other: Sketch) -> bool:
    kept = (len(shared_in_order(one, other)), len(shared_in_order(other, one)))
    return all(core >= max(LEAST_CORE, CORE * length) for core, length in zip(cores, kept, strict=True))


def _own_core(one: Sketch, other: Sketch) -> int:
    """How long a text is without what it shares at its ends; 0 if something is shared in between."""
    shared = shared_in_order(one, other)
    core = shared[: len(shared) - _run(reversed(shared))]
    opening = _run(core)
    if opening <= LONGEST_OPENING:
        core = core[opening:]
    return len(core) if sum(core) < SHARED * len(core) else 0


def _run(shared: Iterable[bool]) -> int:
    """The length of the run at the start in which most is shared."""
    best = total = length = 0
    for at, is_shared in enumerate(shared, 1):
        total += 1 if is_shared else -PENALTY
        if total > best:
            best, length = total, at
    return length


def _names_agree(one: Sketch, other: Sketch) -> bool:
    """Whether most names do, and one of them is in a title: those of a frame are in none."""
    names = one.names & other.names
    if len(names) < 3 or not names & (one.title | other.title):
        return False
    return len(names) >= AGREEING_NAMES * min(len(one.names), len(other.names))


def _titles_agree(one: Sketch, other: Sketch, *, is_most: bool) -> bool:
    return titles_agree(one, other) and (is_most or not slots_differ(one, other))
