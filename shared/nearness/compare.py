"""Whether a text is a copy, a rewrite or an excerpt of another: containment of shingles, and the rules.

The measure is *containment*: the share of the smaller text's shingles that the larger one has, since copies
are cut and furnished. From .6 on it is a duplicate, from .4 a version (a rewrite). What could mislead it:

- *Short texts* (below 40 shingles) resemble each other by chance: they must be alike as a whole (Jaccard .8),
  and agree in their titles or tell of both; or stand in a longer, earlier one nearly word for word.
- *A brief in a round-up*: below a quarter of the other's length a later text is an excerpt of it; an earlier
  one makes nothing of the large one, which has more to tell than this.
- *Templates* (prices, results, weekly figures): numbers, dates and names of title and lead disagree. Where
  one kind does, it is a version at most; where both do, or the text is short, it is another story.
- *The same headline* over a text that is rewritten throughout, so that a quarter of its phrases is left: a
  version, if numbers and names agree as well.
- *Frames*: a site's own disclaimers and introductions. When nothing is shared but what stands before or
  behind all that is the texts' own, and neither titles nor names agree, they share a frame and no story;
  also where their own is a sentence or two, unless what they share tells of both titles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from shared.nearness.frames import have_cores, is_short_frame, shares_only_a_frame
from shared.nearness.sketch import Sketch
from shared.nearness.templates import is_other_story, same_title, short_slots_differ, slots_differ

DUPLICATE = 0.6
VERSION = 0.4
SURE_VERSION = 0.5  # below it a small text that a large one has less than half of is no rewrite of it:
VERSION_JACCARD = 0.18  # a foreign paragraph or two; rewrites are about as long as what they rewrite
HEADLINE_VERSION = 0.25  # under the same headline
HEADLINE_JACCARD = 0.12
SHORT = 40  # shingles
SHORT_JACCARD = 0.8
SHORTEST_EXCERPT = 12  # shingles; set phrases of fewer words stand in many texts
SHORT_EXCERPT = 0.85
SMALL = 0.25  # of the other's length
LEAST_SAMPLE = 20  # shingles of a sampled text, below which a share says too little

SAME_TEXT: Final = "same-text"
Word = Literal["duplicate", "version", "excerpt"]
Rule = Literal["same-text", "containment", "short-text", "template", "rewrite", "excerpt"]
RULES: Final[dict[str, str]] = {
    "same-text": "word for word the same text",
    "containment": "the larger one has the smaller one's phrases",
    "short-text": "short texts that are alike as a whole",
    "template": "much the same phrases, but other numbers, dates or names at the top",
    "rewrite": "many of the same phrases, but not most",
    "excerpt": "a small part of a longer text",
}


@dataclass(frozen=True, slots=True)
class Likeness:
    """What one text is to another; ``similarity`` is the containment of the smaller in the larger, 0..1."""

    word: Word
    similarity: float
    rule: Rule


def compare(sketch: Sketch, lead: Sketch) -> Likeness | None:
    """What a later text is to an earlier one, its lead; None when they have too little in common."""
    mine, theirs, zeros = _at_one_scale(sketch, lead)
    small, large = sorted((len(mine), len(theirs)))
    if not small or (zeros and small < LEAST_SAMPLE):
        return None
    common = len(mine & theirs)
    contained = common / small
    if contained < HEADLINE_VERSION:
        return None
    jaccard = common / (small + large - common)
    is_smaller = len(mine) < len(theirs)
    if small << zeros < SHORT:
        return _compare_short(sketch, lead, contained, jaccard, is_smaller=is_smaller)
    if small < SMALL * large:
        is_excerpt = (
            is_smaller and contained >= DUPLICATE and not shares_only_a_frame(sketch, lead, is_most=True)
        )
        return Likeness("excerpt", contained, "excerpt") if is_excerpt else None
    if contained < VERSION:
        return _compare_rewritten(sketch, lead, contained, jaccard)
    return _compare_long(sketch, lead, contained, jaccard)


def same_text(sketch: Sketch, lead: Sketch) -> Likeness:
    """What a text is to an earlier one with the very same words: a version where titles have other numbers.

    "12 dead" over the one, "47 dead" over the other: whoever is shown the lead alone is misled. Of numbers in
    figures only, and not of those that the text has at its top.
    """
    if slots_differ(sketch, lead):
        return Likeness("version", 1.0, "template")
    return Likeness("duplicate", 1.0, SAME_TEXT)


def _at_one_scale(sketch: Sketch, lead: Sketch) -> tuple[frozenset[int], frozenset[int], int]:
    zeros = max(sketch.zeros, lead.zeros)
    low = (1 << zeros) - 1
    mine, theirs = (
        one.shingles if one.zeros == zeros else frozenset(each for each in one.shingles if not each & low)
        for one in (sketch, lead)
    )
    return mine, theirs, zeros


def _compare_short(
    sketch: Sketch, lead: Sketch, contained: float, jaccard: float, *, is_smaller: bool
) -> Likeness | None:
    if jaccard >= SHORT_JACCARD:
        if short_slots_differ(sketch, lead) or is_short_frame(sketch, lead):
            return None
        return Likeness("duplicate", contained, "short-text")
    is_excerpt = is_smaller and len(sketch.shingles) >= SHORTEST_EXCERPT and contained >= SHORT_EXCERPT
    return Likeness("excerpt", contained, "excerpt") if is_excerpt else None


def _compare_rewritten(sketch: Sketch, lead: Sketch, contained: float, jaccard: float) -> Likeness | None:
    if jaccard < HEADLINE_JACCARD or not same_title(sketch, lead):
        return None
    if slots_differ(sketch, lead) or have_cores(sketch, lead):
        return None
    return Likeness("version", contained, "rewrite")


def _compare_long(sketch: Sketch, lead: Sketch, contained: float, jaccard: float) -> Likeness | None:
    is_copy = contained >= DUPLICATE
    if not is_copy and contained < SURE_VERSION and jaccard < VERSION_JACCARD:
        return None
    if is_other_story(sketch, lead, is_copy=is_copy) or shares_only_a_frame(sketch, lead, is_most=is_copy):
        return None
    if not is_copy:
        return Likeness("version", contained, "rewrite")
    if slots_differ(sketch, lead):
        return Likeness("version", contained, "template")
    return Likeness("duplicate", contained, "containment")
