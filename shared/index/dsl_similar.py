"""Articles like a text, in Elasticsearch's query DSL."""

from __future__ import annotations

from shared.index.dsl import Dsl, filtering, search_body
from shared.index.similar import SimilarPlan


def similar_body(plan: SimilarPlan, timeout: str) -> Dsl:
    """The body of the request: as that of a search, of which each word adds its weight to the score."""
    body = search_body(plan.search, timeout)
    words = [
        {"constant_score": {"filter": filtering(word.node()), "boost": word.earned.weight}}
        for word in plan.words
    ]
    body["query"]["bool"]["must"] = [{"bool": {"should": words, "minimum_should_match": plan.least}}]
    return body
