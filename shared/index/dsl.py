"""A plan as Elasticsearch's query DSL, node by node; no text of a user reaches the engine's own parsers."""

from __future__ import annotations

from typing import Any

from shared.index.plan import AllOf, AnyOf, KeywordAny, NoneOf, PhraseAny, Plan, PlanNode, RangeMs, TermAny

Dsl = dict[str, Any]


def search_body(plan: Plan, timeout: str) -> Dsl:
    """The body of a search request.

    Hits and their total obey ``shown``; the aggregation ``articles`` counts without it, in the same pass.
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
    return body


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
