"""Articles like a text, on tantivy."""

from __future__ import annotations

import tantivy
from tantivy import Occur, Query, Searcher

from shared.index.embedded_order import Found, count_of, find_page
from shared.index.embedded_query import both, build_query
from shared.index.plan import AllOf
from shared.index.similar import SimilarPlan


def find_similar(
    searcher: Searcher, schema: tantivy.Schema, plan: SimilarPlan
) -> tuple[int, int, list[Found]]:
    """How many articles match, how many of them are shown, and the hits; each word adds its weight."""
    words = [
        (Occur.Should, Query.const_score_query(build_query(word.node(), schema), word.earned.weight))
        for word in plan.words
    ]
    scored = Query.boolean_query(words, minimum_number_should_match=plan.least)
    matched = both(scored, build_query(plan.search.filters, schema))
    shown = AllOf(()) if plan.search.shown is None else plan.search.shown
    groups, found = find_page(searcher, both(matched, build_query(shown, schema)), plan.search)
    if plan.search.folded is None:
        return groups, groups, found
    folded = both(matched, build_query(plan.search.folded, schema))
    return groups + count_of(searcher.search(Query.const_score_query(folded, 0.0), 1)), groups, found
