"""Suggestions: the sources, topics, entities and titles that a reader may have begun to type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.errors import InvalidRequest
from shared.index.facets import FacetPlan
from shared.index.keywords import KEYWORDS, fold_name, read_topic_label
from shared.index.plan import Plan, plan_search
from shared.index.port import FacetCount, SearchRequest, SuggestedTitle, Suggestion, Suggestions

MAX_SUGGESTIONS = 20  # of each kind


def plan_suggestions(text: str, size: int, now: datetime) -> tuple[Plan, tuple[FacetPlan, ...]]:
    """Plan suggestions; raises ``InvalidRequest`` where there is nothing to begin with, or too many asked."""
    prefix = fold_name(text)
    if not prefix:
        raise InvalidRequest("q", "is empty; type the beginning of a name")
    if not 1 <= size <= MAX_SUGGESTIONS:
        raise InvalidRequest("size", f"size must be between 1 and {MAX_SUGGESTIONS}")
    plan = plan_search(SearchRequest(now, size=0))
    return plan, (
        FacetPlan("source", KEYWORDS["source"].ran, plan.filters, text.strip().lower()),
        FacetPlan("topic", "topic_labels", plan.filters, prefix),
        FacetPlan("entity", KEYWORDS["entity"].ran, plan.filters, prefix),
    )


def make_suggestions(
    counts: Mapping[str, Sequence[FacetCount]],
    titles: tuple[SuggestedTitle, ...],
    *,
    engine_ms: float,
    partial: bool = False,
) -> Suggestions:
    """The suggestions out of the facets of the plan, and titles."""
    return Suggestions(
        sources=tuple(Suggestion(one.value, one.value, one.count) for one in counts["source"]),
        topics=tuple(Suggestion(*read_topic_label(one.value), one.count) for one in counts["topic"]),
        entities=tuple(Suggestion(one.value, one.value, one.count) for one in counts["entity"]),
        titles=titles,
        engine_ms=engine_ms,
        partial=partial,
    )
