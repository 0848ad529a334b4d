"""Folding by story on tantivy, which cannot collapse: hits are walked in order, as far as a page needs.

A story is told by the fast field ``story_key``, so that walking reads no stored document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tantivy import Query, Searcher

from shared.index.embedded_order import Found, by_date, by_score
from shared.index.plan import Plan
from shared.index.stories import EXACT_STORIES

# As ``MAX_TIED``, but ten times: a page of stories may reach over many more hits. Ordering them takes 0.2 s.
_MAX_TIED = 200_000
_GROWTH = 4  # a walk that was too short is begun again, this much longer
_WORST_ESTIMATE = 1.2  # the engine's estimates were within 4 %; above this there can be no exact count


@dataclass(frozen=True, slots=True)
class StoryPage:
    """The first hits of the stories of one page, and how many stories there are; see ``SearchPage``."""

    found: Sequence[Found]
    groups: int
    approximate: bool


def find_stories(searcher: Searcher, query: Query, plan: Plan) -> StoryPage:
    """The page of a plan, with one hit for each story among what ``query`` matches."""
    wanted = plan.offset + plan.size if plan.size else 0
    limit = 2 * wanted + 100
    while True:
        found, whole = _walk(searcher, query, plan, limit)
        keys = [int(key or 0) for key in searcher.fast_field_values("story_key", [at for _, at in found])]
        firsts = _firsts(keys, found)
        if len(firsts) >= wanted or whole:
            break
        limit *= _GROWTH
    if whole and len(firsts) <= EXACT_STORIES:
        groups, approximate = len(firsts), False
    else:
        groups, approximate = _count_stories(searcher, query)
    return StoryPage(firsts[plan.offset : wanted], groups, approximate)


def count_by_story(searcher: Searcher, query: Query, stories: int) -> dict[int, int]:
    """How many documents of each story ``query`` matches, by ``story_key``; it matches so many stories."""
    return {bucket["key"]: bucket["doc_count"] for bucket in _buckets(searcher, query, stories)}


def _walk(searcher: Searcher, query: Query, plan: Plan, limit: int) -> tuple[list[Found], bool]:
    """The first hits in order, and whether there are no more."""
    if plan.sort == "relevance":
        ranked = by_score(searcher, query, limit, _MAX_TIED)
    else:
        ranked = by_date(searcher, query, limit, plan.sort)
    return ranked.found[: ranked.settled], ranked.whole


def _firsts(keys: Sequence[int], found: Sequence[Found]) -> list[Found]:
    """The first hit of each story, in order."""
    firsts: dict[int, Found] = {}
    for key, one in zip(keys, found, strict=True):
        firsts.setdefault(key, one)
    return list(firsts.values())


def _count_stories(searcher: Searcher, query: Query) -> tuple[int, bool]:
    """How many stories there are among the matches, and whether that is an estimate."""
    estimate = round(searcher.cardinality(query, "story_key"))
    if estimate <= EXACT_STORIES * _WORST_ESTIMATE:
        counted = len(_buckets(searcher, query, EXACT_STORIES + 1))
        if counted <= EXACT_STORIES:
            return counted, False
    return max(estimate, EXACT_STORIES + 1), True


def _buckets(searcher: Searcher, query: Query, most: int) -> list[dict[str, int]]:
    # A segment with more stories than ``most`` leaves some out, but never tells of fewer than ``most``.
    terms = {"field": "story_key", "size": most, "segment_size": most}
    found = searcher.aggregate(query, {"stories": {"terms": terms}})
    buckets: list[dict[str, int]] = found["stories"]["buckets"]
    return buckets
