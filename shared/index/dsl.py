"""A plan as Elasticsearch's query DSL, node by node; no text of a user reaches the engine's own parsers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.index.plan import AllOf, AnyOf, KeywordAny, NoneOf, PhraseAny, Plan, PlanNode, RangeMs, TermAny
from shared.index.stories import EXACT_STORIES

Dsl = dict[str, Any]


def search_body(plan: Plan, timeout: str) -> Dsl:
    """The body of a search request.

    Hits and their total obey ``shown``; the aggregation ``articles`` counts without it, in the same pass.
    Of each story the hit that the order puts first stays; ``stories`` estimates how many there are.
    """
    body: Dsl = {
        "query": {"bool": {"must": [scoring(plan.scored)], "filter": [filtering(plan.filters)]}},
        "sort": _sort(plan),
        "size": plan.size,
        "from": plan.offset,
        "track_total_hits": True,
        "timeout": timeout,
        "_source": ["article"],
    }
    if plan.shown is not None:
        body["post_filter"] = filtering(plan.shown)
        body["aggs"] = {"articles": {"filter": {"match_all": {}}}}
    if plan.by_story:
        body["collapse"] = {"field": "story_key"}
        number = {"cardinality": {"field": "story_key", "precision_threshold": EXACT_STORIES}}
        body.setdefault("aggs", {})["stories"] = _shown(plan, {"number": number})
    return body


def stories_body(plan: Plan, keys: Sequence[int], timeout: str, *, count: bool) -> Dsl:
    """The body of the request that counts by story what ``search_body`` found.

    ``page`` has the matches of each story of ``keys``, shown or not. With ``count`` ``stories`` has the exact
    number of stories, and of documents beyond the first ``EXACT_STORIES`` stories.
    """
    ours = {"terms": {"field": "story_key", "include": list(keys), "size": max(1, len(keys))}}
    aggs: Dsl = {"page": ours} if keys else {}
    if count:
        # The estimate is off by one or more from some thousand stories on; buckets are not. They are counted
        # where they are, and left out of the answer.
        every = {"terms": {"field": "story_key", "size": EXACT_STORIES}}
        number = {"stats_bucket": {"buckets_path": "every>_count"}}
        aggs["stories"] = _shown(plan, {"every": every, "number": number})
    narrowed = [] if count else [{"terms": {"story_key": list(keys)}}]
    return {
        "query": {"bool": {"filter": [filtering(plan.scored), filtering(plan.filters), *narrowed]}},
        "size": 0,
        "track_total_hits": False,
        "timeout": timeout,
        "aggs": aggs,
    }


def _shown(plan: Plan, aggs: Dsl) -> Dsl:
    return {"filter": {"match_all": {}} if plan.shown is None else filtering(plan.shown), "aggs": aggs}


def scoring(node: PlanNode) -> Dsl:
    """A node where scores count; what adds none gets a constant of zero."""
    match node:
        case TermAny(field, terms, boost):
            return _any([{"term": {field: {"value": term, "boost": boost}}} for term in terms])
        case PhraseAny(field, phrases, boost):
            # The field's analyzer splits at spaces, which is how the terms were joined.
            joined = [" ".join(phrase) for phrase in phrases]
            return _any([{"match_phrase": {field: {"query": text, "boost": boost}}} for text in joined])
        case AllOf(()):
            return {"match_all": {"boost": 0}}
        case AllOf(children):
            return {"bool": {"must": [scoring(child) for child in children]}}
        case AnyOf(children):
            return _any([scoring(child) for child in children])
        case _:
            return {"constant_score": {"filter": filtering(node), "boost": 0}}


def filtering(node: PlanNode) -> Dsl:
    """A node where only the match counts, which lets the engine cache it."""
    match node:
        case KeywordAny(field, values):
            return {"terms": {field: list(values)}}
        case RangeMs(field, start, end):
            return {"range": {field: {"gte": start, "lte": end}}}
        case AllOf(children):
            return {"bool": {"filter": [filtering(child) for child in children]}}
        case AnyOf(children):
            return _any([filtering(child) for child in children])
        case NoneOf(child):
            return {"bool": {"must_not": [filtering(child)]}}
        case _:
            return scoring(node)


def _any(choices: list[Dsl]) -> Dsl:
    if len(choices) == 1:
        return choices[0]
    return {"bool": {"should": choices, "minimum_should_match": 1}}


def _sort(plan: Plan) -> list[Dsl]:
    by_key = {"sort_key": {"order": "asc" if plan.sort == "oldest" else "desc"}}
    return [{"_score": {"order": "desc"}}, by_key] if plan.sort == "relevance" else [by_key]
