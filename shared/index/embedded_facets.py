"""Facets on tantivy: values are counted in the columns that ``keywords.COUNTED`` has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tantivy
from tantivy import Query, Searcher

from shared.index.embedded_query import both, build_query
from shared.index.facets import FacetPlan, largest
from shared.index.plan import AllOf, Plan
from shared.index.port import FacetCount

# Each segment tells so many of its values: few at first, which costs a tenth, then nearly as many buckets as
# the engine allows (65,000).
_LOOKS = (1_000, 60_000)

Counts = dict[str, tuple[FacetCount, ...]]


def count_facets(
    searcher: Searcher, schema: tantivy.Schema, plan: Plan, facets: Sequence[FacetPlan], size: int
) -> tuple[Counts, tuple[str, ...]]:
    """The counts of each facet, and the names of those of which a value may be missing.

    Facets that are counted under the same filters go through the matches together.
    """
    together: dict[AllOf, list[FacetPlan]] = {}
    for facet in facets:
        together.setdefault(facet.filters, []).append(facet)
    counts: Counts = {}
    approximate: list[str] = []
    for filters, those in together.items():
        query = _shown(schema, plan, filters)
        most = max(_LOOKS[0], size)
        asked = {facet.name: _terms(facet.column, most, **_beginning(facet.prefix)) for facet in those}
        told = searcher.aggregate(query, asked)
        for facet in those:
            counts[facet.name], exact = _settle(
                searcher, query, facet.column, size, told[facet.name], facet.prefix
            )
            approximate += [] if exact else [facet.name]
    return {facet.name: counts[facet.name] for facet in facets}, tuple(approximate)


def count_values(searcher: Searcher, query: Query, column: str, size: int) -> tuple[FacetCount, ...]:
    """The values of a column that most of what ``query`` matches has."""
    told = searcher.aggregate(query, {"values": _terms(column, _LOOKS[0])})
    return _settle(searcher, query, column, size, told["values"])[0]


def _settle(
    searcher: Searcher, query: Query, column: str, size: int, told: Mapping[str, Any], prefix: str = ""
) -> tuple[tuple[FacetCount, ...], bool]:
    """The largest values out of what a first look told, or a second one, and whether these are they."""
    found, exact = _largest(searcher, query, column, size, told)
    if not exact:
        asked = {"values": _terms(column, _LOOKS[1], **_beginning(prefix))}
        more = searcher.aggregate(query, asked)["values"]
        found, exact = _largest(searcher, query, column, size, more)
    return found, exact


def _largest(
    searcher: Searcher, query: Query, column: str, size: int, told: Mapping[str, Any]
) -> tuple[tuple[FacetCount, ...], bool]:
    counts = [(bucket["key"], bucket["doc_count"]) for bucket in told["buckets"]]
    short = told["doc_count_error_upper_bound"]  # what segments left out of the count of a value, at most
    if short:
        least = counts[size - 1][1]
        near = [value for value, count in counts if count + short >= least]
        only = {"values": _terms(column, len(near), include=near)}
        told_exactly = searcher.aggregate(query, only)["values"]["buckets"]
        counts_of = [(bucket["key"], bucket["doc_count"]) for bucket in told_exactly]
        found = largest(counts_of, size)
    else:
        found = largest(counts, size)
    # What was not told at all has at most so many articles.
    missed = counts[-1][1] + short if short or told["sum_other_doc_count"] else 0
    return found, not missed or found[-1].count > missed


def _beginning(prefix: str) -> dict[str, str]:
    # As a regular expression, in which whatever is no letter or digit is written by its code.
    signs = (sign if sign.isalnum() else f"\\x{{{ord(sign):x}}}" for sign in prefix)
    return {"include": f"{''.join(signs)}.*"} if prefix else {}


def _terms(column: str, most: int, **more: object) -> dict[str, Any]:
    return {"terms": {"field": column, "size": most, "segment_size": most, **more}}


def _shown(schema: tantivy.Schema, plan: Plan, filters: AllOf) -> Query:
    matched = both(build_query(plan.scored, schema), build_query(filters, schema))
    return matched if plan.shown is None else both(matched, build_query(plan.shown, schema))
