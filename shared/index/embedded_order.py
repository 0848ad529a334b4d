"""Hits of tantivy in the port's order: it sorts by one key alone, so ties of a score are put right here."""

from __future__ import annotations

from dataclasses import dataclass

import tantivy
from tantivy import DocAddress, Order, Query, Searcher

from shared.index.plan import Plan
from shared.index.port import Sort

MAX_TIED = 20_000  # hits of one score that are put into order by date; beyond, the engine's order stands

Found = tuple[float | None, DocAddress]


@dataclass(frozen=True, slots=True)
class Ranked:
    """The first hits, of which ``settled`` are sure to be where they belong; ``count`` of all matches.

    ``whole`` when there are no more than these.
    """

    found: list[Found]
    settled: int
    count: int
    whole: bool


def find_page(searcher: Searcher, query: Query, plan: Plan) -> tuple[int, list[Found]]:
    """How many match, and the hits of the page asked for."""
    if plan.size == 0:
        return count_of(searcher.search(query, 1)), []  # the engine cannot be asked for no hit at all
    if plan.sort == "relevance":
        return _find_by_score(searcher, query, plan)
    ranked = by_date(searcher, query, plan.size, plan.sort, plan.offset)
    return ranked.count, ranked.found


def _find_by_score(searcher: Searcher, query: Query, plan: Plan) -> tuple[int, list[Found]]:
    wanted = plan.offset + plan.size
    limit = wanted + 100
    while True:
        ranked = by_score(searcher, query, limit, MAX_TIED)
        if ranked.settled >= wanted or ranked.whole or limit >= MAX_TIED:
            return ranked.count, ranked.found[plan.offset : wanted]
        limit = min(limit * 8, MAX_TIED)


def by_score(searcher: Searcher, query: Query, limit: int, most_tied: int) -> Ranked:
    """Hits by score, then by ``sort_key`` from the highest.

    Those that score as much as the last are not settled: a newer one of that score may still be missing.
    From ``most_tied`` hits on they count as settled all the same.
    """
    result = searcher.search(query, limit)
    hits = result.hits
    keys = searcher.fast_field_values("sort_key", [address for _, address in hits])
    ranked = sorted(zip(hits, keys, strict=True), key=lambda one: (-one[0][0], -(one[1] or 0)))
    found: list[Found] = [hit for hit, _ in ranked]
    whole = len(hits) < limit
    settled = len(hits)
    if not whole and limit < most_tied:
        settled = next(place for place, hit in enumerate(found) if hit[0] == hits[-1][0])
    return Ranked(found, settled, count_of(result), whole)


def by_date(searcher: Searcher, query: Query, limit: int, sort: Sort, offset: int = 0) -> Ranked:
    """Hits from ``offset`` on by ``sort_key``, which is unique: the newest first, or the oldest."""
    order = Order.Asc if sort == "oldest" else Order.Desc
    result = searcher.search(query, limit, order_by_field="sort_key", offset=offset, order=order)
    found: list[Found] = [(None, address) for _, address in result.hits]
    return Ranked(found, len(found), count_of(result), len(found) < limit)


def count_of(result: tantivy.SearchResult) -> int:
    """How many documents a search matched."""
    count: int = result.count  # type: ignore[attr-defined]  # the library's stubs have forgotten it
    return count
