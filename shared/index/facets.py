"""Facets: for each field the values that most of the hits have, counted without the field's own filter.

By definition the count of a value is the ``groups`` of the same search, with the filters of that field and
their negative twins replaced by this one value, while stories are not folded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from shared.errors import InvalidRequest
from shared.index.keywords import KEYWORDS
from shared.index.plan import AllOf, plan_filters
from shared.index.port import FacetCount, FacetName, Filters, SearchRequest

MAX_FACET_SIZE = 100  # values that anybody may ask for
MOST_VALUES = 10_000  # that the service itself may


@dataclass(frozen=True, slots=True)
class FacetPlan:
    """One facet: its values lie in ``column``, and are those of the shown articles that obey ``filters``.

    With a ``prefix`` it has only the values that begin so.
    """

    name: FacetName
    column: str
    filters: AllOf
    prefix: str = ""


def plan_facets(request: SearchRequest) -> tuple[FacetPlan, ...]:
    """Plan the facets of a search; raises ``InvalidRequest`` for a ``facet_size`` out of bounds."""
    if not 1 <= request.facet_size <= MOST_VALUES:
        raise InvalidRequest("facet_size", f"facet_size must be between 1 and {MOST_VALUES:,}")
    fold = request.duplicates == "fold"
    return tuple(
        FacetPlan(
            name, KEYWORDS[name].column(fold=fold), plan_filters(request, _without(name, request.filters))
        )
        for name in dict.fromkeys(request.facets)
    )


def largest(counts: Iterable[tuple[str, int]], size: int) -> tuple[FacetCount, ...]:
    """The values with the highest counts, those of one count in the order of their characters' codes."""
    ranked = sorted(counts, key=lambda one: (-one[1], one[0]))
    return tuple(FacetCount(value, count) for value, count in ranked[:size])


def _without(name: FacetName, filters: Filters) -> Filters:
    lifted: dict[str, Any] = {name: (), f"not_{name}": ()}
    return replace(filters, **lifted)
