"""A plan as Elasticsearch's query DSL, node by node; no text of a user reaches the engine's own parsers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.index.plan import (
    AllOf,
    AnyOf,
    EndingAny,
    Favour,
    KeywordAny,
    NearAny,
    NoneOf,
    PhraseAny,
    Plan,
    PlanNode,
    PrefixAny,
    RangeMs,
    TermAny,
)
from shared.index.port import Mark
from shared.index.stories import EXACT_STORIES
from shared.index.walking import unseen

Dsl = dict[str, Any]
_NOWHERE = (".",)  # no term of ours


def search_body(plan: Plan, timeout: str) -> Dsl:
    """The body of a search request.

    Hits and their total obey ``shown``; the aggregation ``articles`` counts without it, in the same pass.
    Of each story the hit that the order puts first stays; ``stories`` estimates how many there are.
    """
    query = {"must": [scoring(plan.scored)], "filter": [filtering(plan.filters)]}
    if plan.favours:
        query["should"] = [_favouring(favour) for favour in plan.favours]
    body: Dsl = {
        "query": {"bool": query},
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


def walk_body(plan: Plan, mark: Mark, pit: Dsl, timeout: str, *, count: bool) -> Dsl:
    """The body of the request for one step of a walk in a point in time: ids, one more than a page has.

    With ``count`` the aggregations ``articles`` and ``groups`` count as a page does. By relevance all matches
    are counted each time: an engine that may leave some out adds up the scores of the rest in another way.
    """
    body = search_body(plan, timeout)
    for name in ("from", "aggs", "post_filter"):
        body.pop(name, None)
    if count:
        shown: Dsl = {"match_all": {}} if plan.shown is None else filtering(plan.shown)
        body["aggs"] = {"articles": {"filter": {"match_all": {}}}, "groups": {"filter": shown}}
    if mark.key is not None:
        body["search_after"] = [mark.key] if plan.sort != "relevance" else [mark.score, mark.key]
    return body | {
        "size": plan.size + 1,
        "_source": False,
        "pit": pit,
        "post_filter": filtering(unseen(plan, mark)),
        "track_total_hits": plan.sort == "relevance",
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
        case EndingAny(field, endings):
            told = [{"value": one.pattern(), "flags": "NONE", "rewrite": "constant_score"} for one in endings]
            return _any([{"regexp": {field: one}} for one in told])
        case RangeMs(field, start, end):
            return {"range": {field: {"gte": start, "lte": end}}}
        case PrefixAny(field, starts, terms):
            # The rewrite is named since others keep but the first terms, or refuse when there are many.
            begin = [{"prefix": {field: {"value": one, "rewrite": "constant_score"}}} for one in starts]
            return _any([*begin, {"terms": {field: list(terms)}}] if terms else begin)
        case NearAny(field, pairs, distance):
            return {"intervals": {field: {"any_of": {"intervals": _near(pairs, distance)}}}}
        case AllOf(children):
            return {"bool": {"filter": [filtering(child) for child in children]}}
        case AnyOf(children):
            return _any([filtering(child) for child in children])
        case NoneOf(child):
            return {"bool": {"must_not": [filtering(child)]}}
        case _:
            return scoring(node)


def _favouring(favour: Favour) -> Dsl:
    return {"constant_score": {"filter": filtering(favour.node), "boost": favour.score}}


def _near(pairs: Sequence[tuple[tuple[str, ...], tuple[str, ...]]], distance: int) -> list[Dsl]:
    """Every pair in both orders, single terms together: of longer ones the engine tries every pair anyway.

    The order must be told: in any order the two may overlap. And of alternatives that stand within each other
    the engine sees the shorter alone, so those of several lengths must not be given as one.
    """
    singles = [pair for pair in pairs if len(pair[0]) == len(pair[1]) == 1]
    groups = [([left], [right]) for left, right in pairs if len(left) + len(right) > 2]
    if singles:
        groups.append(([left for left, _ in singles], [right for _, right in singles]))
    return [found for left, right in groups for found in _both_orders(left, right, distance - 1)]


def _both_orders(left: list[tuple[str, ...]], right: list[tuple[str, ...]], gaps: int) -> list[Dsl]:
    # Two equal parts the engine would take for one that is repeated, and count the words within it as gaps.
    orders = [(left, right), (right, left)] if left != right else [(left, [*right, _NOWHERE])]
    return [
        {"all_of": {"ordered": True, "max_gaps": gaps, "intervals": [_one_of(first), _one_of(second)]}}
        for first, second in orders
    ]


def _one_of(sequences: Sequence[tuple[str, ...]]) -> Dsl:
    texts = dict.fromkeys(map(" ".join, sequences))
    found = [{"match": {"query": text, "ordered": True, "max_gaps": 0}} for text in texts]
    return found[0] if len(found) == 1 else {"any_of": {"intervals": found}}


def _any(choices: list[Dsl]) -> Dsl:
    if len(choices) == 1:
        return choices[0]
    return {"bool": {"should": choices, "minimum_should_match": 1}}


def _sort(plan: Plan) -> list[Dsl]:
    by_key = {"sort_key": {"order": "asc" if plan.sort == "oldest" else "desc"}}
    return [{"_score": {"order": "desc"}}, by_key] if plan.sort == "relevance" else [by_key]
