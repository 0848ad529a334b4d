"""Timelines on tantivy: what lies between the edges that ``timeline.py`` computed is counted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import tantivy
from tantivy import Query, Searcher

from shared.index.embedded_facets import count_values
from shared.index.embedded_order import count_of
from shared.index.embedded_query import both, build_query
from shared.index.plan import AllOf, KeywordAny
from shared.index.port import Timeline
from shared.index.timeline import (
    SPLIT_VALUES,
    Counted,
    TimelinePlan,
    buckets_agg,
    edges,
    in_order,
    make_timeline,
)

_SPAN = {"first": {"min": {"field": "published_ms"}}, "last": {"max": {"field": "published_ms"}}}


def count_timeline(searcher: Searcher, schema: tantivy.Schema, plan: TimelinePlan) -> Timeline:
    """The timeline of a plan; raises ``InvalidRequest`` where there were too many buckets."""
    started = time.perf_counter()
    query = _matched(schema, plan)
    span = searcher.aggregate(query, _SPAN)
    first, last = span["first"]["value"], span["last"]["value"]
    bounds = [] if first is None else edges(plan.interval, int(first), int(last))
    values: list[str] = []
    if plan.column:
        values = [one.value for one in count_values(searcher, query, plan.column, SPLIT_VALUES)]
    counted = _count(searcher, schema, query, plan, values, bounds) if bounds else []
    total = count_of(searcher.search(query, 1))
    took = (time.perf_counter() - started) * 1000
    undated = total - sum(one.all for one in counted)
    return make_timeline(plan, bounds, counted, undated, values, engine_ms=took)


def _matched(schema: tantivy.Schema, plan: TimelinePlan) -> Query:
    search = plan.search
    shown = [] if search.shown is None else [search.shown]
    return Query.const_score_query(build_query(AllOf((search.scored, search.filters, *shown)), schema), 0.0)


def _count(
    searcher: Searcher,
    schema: tantivy.Schema,
    query: Query,
    plan: TimelinePlan,
    values: Sequence[str],
    bounds: Sequence[int],
) -> list[Counted]:
    wanted = buckets_agg(plan.interval, bounds)
    if not (plan.column and values):
        return [Counted(bucket["doc_count"]) for bucket in _buckets(searcher, query, wanted, bounds)]
    # Times below values and not values below times, which would take five times as long.
    terms = {"field": plan.column, "include": list(values), "size": len(values), "segment_size": len(values)}
    below = {"split": {"terms": terms, "aggs": {"buckets": wanted}}, "buckets": wanted}
    told = searcher.aggregate(query, below)
    split = {one["key"]: in_order(one["buckets"]["buckets"], bounds) for one in told["split"]["buckets"]}
    # A second pass: an article has several topics, so that those of none cannot be told from the sums.
    known = both(query, build_query(KeywordAny(plan.column, tuple(values)), schema))
    whole = zip(
        in_order(told["buckets"]["buckets"], bounds), _buckets(searcher, known, wanted, bounds), strict=True
    )
    return [
        Counted(
            every["doc_count"],
            {value: buckets[at]["doc_count"] for value, buckets in split.items()},
            some["doc_count"],
        )
        for at, (every, some) in enumerate(whole)
    ]


def _buckets(
    searcher: Searcher, query: Query, wanted: Mapping[str, Any], bounds: Sequence[int]
) -> list[Mapping[str, Any]]:
    told = searcher.aggregate(query, {"buckets": dict(wanted)})
    return in_order(told["buckets"]["buckets"], bounds)
