"""What both engines share in folding by story: how far stories are counted, and what a hit tells."""

from __future__ import annotations

from collections.abc import Mapping

from shared.article import Article
from shared.index.document import story_key, story_of
from shared.index.port import FoldedStory

EXACT_STORIES = 40_000  # counted exactly up to here; as far as Elasticsearch can be asked to estimate well


def folded_story(article: Article, counts: Mapping[int, int]) -> FoldedStory:
    """The story of a hit, with the number of its matches out of ``counts`` by ``story_key``."""
    # A count that was asked for after the hits may have missed an article that was withdrawn in between.
    return FoldedStory(story_of(article), max(1, counts.get(story_key(article), 0)))
