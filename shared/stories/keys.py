"""The numbers by which articles about one event find each other: their heaviest features.

They are a set, without places of their own: an article meets all that have two of its names or rare words.
"""

from __future__ import annotations

import heapq

from shared.stories.features import StorySketch

STORY_BANDS = "story"  # the name of the bands, beside those of near copies
STORY_LEAST = 2  # keys that candidates must share
STORY_DAYS = 5
STORY_PLACED = False  # a key counts wherever it stands among the keys
MOST_KEYS = 24  # what a story is found by is among so many
_FEWEST = 3  # an article of fewer features tells of no event
_SPREAD = 2_654_435_761  # odd: a product for each feature, with leading bits that differ


def story_keys(sketch: StorySketch) -> tuple[int, ...]:
    """Up to 24 distinct 32-bit numbers, the heaviest first; none for an article that says too little."""
    # Pairs of names (odd) are left out: their words are in.
    weighed = [(weight, feature) for feature, weight in sketch.names.items() if not feature & 1]
    weighed += [(weight, feature) for feature, weight in sketch.words.items()]
    if len(weighed) < _FEWEST:
        return ()
    keys = (feature * _SPREAD & 0xFFFF_FFFF for _, feature in heapq.nlargest(MOST_KEYS, weighed))
    return tuple(dict.fromkeys(keys))
