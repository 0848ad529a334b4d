"""Timelines in Elasticsearch's query DSL: a request for how long a time there is, one that counts in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.index.dsl import Dsl, filtering
from shared.index.dsl_facets import read_values, values_agg
from shared.index.elasticsearch_stories import is_partial
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
    read_split,
)


def span_body(plan: TimelinePlan, timeout: str) -> Dsl:
    """The body of the request for the first and last moment, and the values to split by."""
    aggs: Dsl = {"first": {"min": {"field": "published_ms"}}, "last": {"max": {"field": "published_ms"}}}
    if plan.column:
        aggs["values"] = values_agg(plan.column, SPLIT_VALUES)
    return _body(plan, aggs, timeout) | {"size": 1, "_source": False}  # the hit tells of the index's version


def counts_body(plan: TimelinePlan, span: Mapping[str, Any], timeout: str) -> Dsl:
    """The body of the request that counts; raises ``InvalidRequest`` where there were too many buckets."""
    bounds, values = _bounds(plan, span), _values(span)
    aggs: Dsl = {"undated": {"missing": {"field": "published_ms"}}}
    if bounds:
        aggs["buckets"] = buckets_agg(plan.interval, bounds)
    if bounds and plan.column and values:
        split = {"terms": {"field": plan.column, "include": values, "size": len(values)}}
        known = {"filter": filtering(KeywordAny(plan.column, tuple(values)))}
        aggs["buckets"]["aggs"] = {"split": split, "known": known}
    return _body(plan, aggs, timeout) | {"size": 0}


def read_timeline(plan: TimelinePlan, span: Mapping[str, Any], answer: Mapping[str, Any]) -> Timeline:
    """The timeline out of the answers to both requests."""
    told, bounds = answer["aggregations"], _bounds(plan, span)
    return make_timeline(
        plan,
        bounds,
        [_counted(bucket) for bucket in in_order(told.get("buckets", {}).get("buckets", ()), bounds)],
        told["undated"]["doc_count"],
        _values(span),
        engine_ms=float(span["took"] + answer["took"]),
        partial=is_partial(span) or is_partial(answer),
    )


def _body(plan: TimelinePlan, aggs: Dsl, timeout: str) -> Dsl:
    search = plan.search
    shown = [] if search.shown is None else [search.shown]
    return {
        "query": filtering(AllOf((search.scored, search.filters, *shown))),
        "track_total_hits": False,
        "timeout": timeout,
        "aggs": aggs,
    }


def _bounds(plan: TimelinePlan, span: Mapping[str, Any]) -> list[int]:
    first, last = (span["aggregations"][name]["value"] for name in ("first", "last"))
    return [] if first is None else edges(plan.interval, int(first), int(last))


def _values(span: Mapping[str, Any]) -> Sequence[str]:
    told = span["aggregations"].get("values")
    return [one.value for one in read_values(told, SPLIT_VALUES)] if told else []


def _counted(bucket: Mapping[str, Any]) -> Counted:
    return Counted(bucket["doc_count"], read_split(bucket), bucket.get("known", {}).get("doc_count", 0))
