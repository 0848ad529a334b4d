"""Whether two articles tell of the same event: the cosine of their features, and how many things agree.

The cosine alone takes two articles about one person for one story, since a name weighs a lot. So several
things must agree, names or rare words, where both parts of a name count once: who, and where, and what; and
one of them must be what the later one begins with, or briefs above one and the same disclaimer were a story.
Thresholds were set on ``bench/stories/first.ndjson``; ``python -m bench.stories`` measures them on others.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.stories.features import StorySketch
from shared.stories.keys import STORY_DAYS

DAY_MS = 24 * 3_600_000
WINDOW_MS = STORY_DAYS * DAY_MS
LINK = 0.30  # cosine, at the same time
LINK_PER_DAY = 0.02  # what each day between two articles asks for in addition: events pass
ENOUGH = 3  # things that agree
FEW = 2  # things that are enough together with ...
LINK_BY_FEW = 0.55
NAMED = 3  # names of an article that says who and where: tables of results share all their words
TOPLESS = 2  # names that agree, and make it needless that what the later one begins with agrees
MERGE = 0.5  # cosine of what is beyond doubt
MERGE_ENOUGH = 5
_TELLS = 650  # product of weights (of 255 * 255) that counts as a thing: a hundredth of the whole
_WHOLE = 255 * 255


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two articles have in common: the cosine of their features (0..1), and how many of them."""

    cosine: float
    things: int

    def links(self, gap_ms: int) -> bool:
        """Whether that is one story, so much time apart."""
        apart = abs(gap_ms)
        if apart > WINDOW_MS:
            return False
        asked = LINK_PER_DAY * apart / DAY_MS
        if self.things >= ENOUGH:
            return self.cosine >= LINK + asked
        return self.things >= FEW and self.cosine >= LINK_BY_FEW + asked

    @property
    def is_sure(self) -> bool:
        """Whether that is beyond doubt one event, so that two stories may be merged for it."""
        return self.cosine >= MERGE and self.things >= MERGE_ENOUGH


def agreement(one: StorySketch, other: StorySketch) -> Agreement:
    """What two articles have in common, the one that came with its ``top`` and an earlier one.

    Nothing, where both name many and none that is the same, or where the earlier one has nothing of the top,
    unless they name the same: a live blog begins with words of its own.
    """
    total = things = 0
    for feature, weight in one.names.items():
        if product := weight * other.names.get(feature, 0):
            total += product
            # A pair of names (odd) joins two that were counted: they are one.
            things += -1 if feature & 1 else 1
    named = things
    if not total and min(len(one.names), len(other.names)) >= NAMED:
        return Agreement(0.0, 0)
    for feature, weight in one.words.items():
        if product := weight * other.words.get(feature, 0):
            total += product
            things += product >= _TELLS
    if (
        named < TOPLESS
        and one.top
        and other.names.keys().isdisjoint(one.top)
        and other.words.keys().isdisjoint(one.top)
    ):
        return Agreement(0.0, 0)
    return Agreement(min(1.0, total / _WHOLE), things)
