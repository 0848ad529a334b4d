"""Finds the earlier articles about the same event: the links by which the ledger settles stories.

Each article asks the story bands in one atomic step for those that may be about its event, compares itself
with them, and asks again without them, until none is left or enough are found. Then it is written down, so
that of two that come together one finds the other. Where several articles of its story are written down
already, a further one is not: a great event must not fill the bands, and the first ones find those to come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.fingerprints.bands import DAY_MS, BandClaim, Bands
from shared.stories.features import StorySketch, unpack_story
from shared.stories.keys import story_keys
from shared.stories.likeness import Agreement, agreement
from shared.stories.links import StoryLink

MOST_LINKS = 8
ENOUGH_SURE = 4  # links beyond doubt that speak for a story: no more are looked for


@dataclass(frozen=True, slots=True)
class StoryArrival:
    """An article that leads its text; ``moment`` is the time (ms) by which its window is counted."""

    article_id: str
    sketch: StorySketch
    moment: int


class KnownStory(Protocol):
    """One text of an earlier article as it is kept: ``shared.stories.links.StoryText``, or what says more."""

    @property
    def moment(self) -> int:
        """The time (ms) by which its window is counted."""

    @property
    def story_sketch(self) -> bytes | None:
        """Its packed sketch; None: nobody knows."""


KnownStories = Callable[[Sequence[str]], Mapping[str, Sequence[KnownStory]]]
Texts = list[tuple[StorySketch, int]]  # sketches and moments of one article


def find_stories(
    arrivals: Sequence[StoryArrival], bands: Bands, known: KnownStories
) -> list[tuple[StoryLink, ...]]:
    """The links of each article of a batch, the most alike first, ``MOST_LINKS`` at most.

    ``known`` is asked for candidates by their ids; members of the batch see each other without it. Raises
    ``Unavailable`` while bands or ledger are away.
    """
    texts: dict[str, Texts] = {each.article_id: [(each.sketch, each.moment)] for each in arrivals}
    return [_links_of(arrival, bands, known, texts) for arrival in arrivals]


def _links_of(
    arrival: StoryArrival, bands: Bands, known: KnownStories, texts: dict[str, Texts]
) -> tuple[StoryLink, ...]:
    keys = story_keys(arrival.sketch)
    if not keys:
        return ()
    seen: set[str] = set()
    links: list[StoryLink] = []
    while True:
        claim = BandClaim(arrival.article_id, arrival.moment // DAY_MS, keys, frozenset(seen))
        # The bands look at some two dozen of the nearest, and no further: this ends.
        [candidates] = bands.claim([claim])
        fresh = [one for one in candidates if one not in seen]
        if not fresh:
            break
        seen.update(fresh)
        _read(fresh, known, texts)
        links += [link for one in fresh if (link := _link(arrival, one, texts.get(one, [])))]
        if sum(link.merges for link in links) >= ENOUGH_SURE:
            break
    return tuple(sorted(links, key=lambda link: (-link.score, link.article_id))[:MOST_LINKS])


def _read(ids: Sequence[str], known: KnownStories, texts: dict[str, Texts]) -> None:
    """Add texts of candidates that were not met before; a batch has many candidates in common."""
    asked = [one for one in ids if one not in texts]
    found = known(asked) if asked else {}
    for one in asked:
        texts[one] = [
            (_unpack(text.story_sketch), text.moment) for text in found.get(one, ()) if text.story_sketch
        ]


def _unpack(data: bytes) -> StorySketch:
    try:
        return unpack_story(data)
    except ValueError:  # of another release: it agrees with nothing
        return StorySketch({}, {})


def _link(arrival: StoryArrival, candidate: str, texts: Texts) -> StoryLink | None:
    best: Agreement | None = None
    for sketch, moment in texts:
        found = agreement(arrival.sketch, sketch)
        if found.links(arrival.moment - moment) and (best is None or found.cosine > best.cosine):
            best = found
    return None if best is None else StoryLink(candidate, best.cosine, best.is_sure)
