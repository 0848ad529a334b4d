"""Finds the earlier articles about the same event: the links by which the ledger settles stories.

Each article asks the story bands in one atomic step for those that may be about its event, compares itself
with them, and asks again without them, until none is left or enough are found. Then it is written down, so
that of two that come together one finds the other. A batch asks together, round by round. Where several
articles of its story are written down already, a further one is not: a great event must not fill the bands,
and the first ones find those to come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    """An article that leads its text; ``moment`` is the time (ms) by which its window is counted.

    ``is_known``: the ledger has it already, and others may name it whatever its place in the batch.
    """

    article_id: str
    sketch: StorySketch
    moment: int
    is_known: bool = False


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
    searches = [_Search(arrival, story_keys(arrival.sketch)) for arrival in arrivals]
    asking = [search for search in searches if search.keys]
    while asking:
        # The bands look at some two dozen of the nearest, and no further: this ends.
        answers = bands.claim([search.claim() for search in asking])
        fresh = [search.fresh(found) for search, found in zip(asking, answers, strict=True)]
        _read(dict.fromkeys(one for ids in fresh for one in ids), known, texts)
        for search, ids in zip(asking, fresh, strict=True):
            search.compare(ids, texts)
        asking = [search for search, ids in zip(asking, fresh, strict=True) if ids and not search.has_enough]
    _look_back(searches)
    return [search.best() for search in searches]


@dataclass(slots=True)
class _Search:
    """One article on its way: whom it was compared with, and what it has found."""

    arrival: StoryArrival
    keys: tuple[int, ...]
    seen: set[str] = field(default_factory=set)
    links: list[StoryLink] = field(default_factory=list)

    @property
    def has_enough(self) -> bool:
        return sum(link.merges for link in self.links) >= ENOUGH_SURE

    def claim(self) -> BandClaim:
        day = self.arrival.moment // DAY_MS
        return BandClaim(self.arrival.article_id, day, self.keys, frozenset(self.seen))

    def fresh(self, candidates: Sequence[str]) -> list[str]:
        return [one for one in candidates if one not in self.seen]

    def compare(self, ids: Sequence[str], texts: Mapping[str, Texts]) -> None:
        self.seen.update(ids)
        self.links += [link for one in ids if (link := _link(self.arrival, one, texts.get(one, [])))]

    def best(self) -> tuple[StoryLink, ...]:
        return tuple(sorted(self.links, key=lambda link: (-link.score, link.article_id))[:MOST_LINKS])


def _look_back(searches: Sequence[_Search]) -> None:
    """Let the later of two members of a batch name the earlier one, whichever was written down first.

    They are stored in the order of the batch, and one by one the earlier would not have known of the other.
    """
    places = {
        search.arrival.article_id: at for at, search in enumerate(searches) if not search.arrival.is_known
    }
    for at, search in enumerate(searches):
        ahead = [link for link in search.links if places.get(link.article_id, -1) > at]
        search.links = [link for link in search.links if link not in ahead]
        for link in ahead:
            later = searches[places[link.article_id]]
            if all(other.article_id != search.arrival.article_id for other in later.links):
                later.links.append(replace(link, article_id=search.arrival.article_id))


def _read(ids: Iterable[str], known: KnownStories, texts: dict[str, Texts]) -> None:
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
