"""Facets in Elasticsearch's query DSL: aggregations beside the hits, in the same request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.index.dsl import Dsl, filtering
from shared.index.facets import FacetPlan, largest
from shared.index.plan import AllOf, Plan, PlanNode
from shared.index.port import FacetCount

# Each shard tells so many of its values. One shard tells the exact counts anyway; of several the answer says
# how far it may be off, and then the facet is marked as approximate.
SHARD_VALUES = 2_000


def add_facets(body: Dsl, plan: Plan, facets: Sequence[FacetPlan], size: int) -> None:
    """Let the body of a search count facets too.

    Where a facet is counted without one of the filters, that filter moves out of the query, to where hits,
    totals and the other facets see it and this one does not.
    """
    common = _common(plan, facets)
    if common != plan.filters:
        body["query"]["bool"]["filter"] = [filtering(common)]
        body["post_filter"] = _both(plan.shown, plan.filters)
        for counted in body.get("aggs", {}).values():
            counted["filter"] = {"bool": {"filter": [counted["filter"], filtering(plan.filters)]}}
    aggs = body.setdefault("aggs", {})
    for facet in facets:
        seen = _both(plan.shown, facet.filters if common != plan.filters else None)
        aggs[_key(facet)] = {"filter": seen, "aggs": {"values": values_agg(facet.column, size, facet.prefix)}}


def read_facets(
    answer: Mapping[str, Any], facets: Sequence[FacetPlan], size: int
) -> tuple[dict[str, tuple[FacetCount, ...]], tuple[str, ...]]:
    """The counts of each facet, and the names of those that may be off."""
    told = {facet.name: answer["aggregations"][_key(facet)]["values"] for facet in facets}
    counts: dict[str, tuple[FacetCount, ...]] = {
        name: read_values(values, size) for name, values in told.items()
    }
    return counts, tuple(name for name, values in told.items() if not _is_exact(values))


def values_agg(column: str, size: int, prefix: str = "") -> Dsl:
    """What counts the values of a column, the largest first; with a prefix those that begin so."""
    terms = {"field": column, "size": size, "shard_size": SHARD_VALUES, "show_term_doc_count_error": True}
    if prefix:
        # As a regular expression, in which a sign of any meaning is meant as itself.
        terms["include"] = "".join(sign if sign.isalnum() else f"\\{sign}" for sign in prefix) + ".*"
    return {"terms": terms}


def read_values(values: Mapping[str, Any], size: int) -> tuple[FacetCount, ...]:
    """What ``values_agg`` was answered with."""
    return largest(((bucket["key"], bucket["doc_count"]) for bucket in values["buckets"]), size)


def _is_exact(values: Mapping[str, Any]) -> bool:
    buckets, missed = values["buckets"], values["doc_count_error_upper_bound"]
    # What no shard told of has at most ``missed`` articles.
    return not missed or (
        buckets[-1]["doc_count"] > missed
        and not any(bucket["doc_count_error_upper_bound"] for bucket in buckets)
    )


def _common(plan: Plan, facets: Sequence[FacetPlan]) -> AllOf:
    everywhere = [facet.filters.children for facet in facets]
    return AllOf(tuple(one for one in plan.filters.children if all(one in seen for seen in everywhere)))


def _both(*nodes: PlanNode | None) -> Dsl:
    return filtering(AllOf(tuple(node for node in nodes if node is not None)))


def _key(facet: FacetPlan) -> str:
    return f"facet_{facet.name}"
