"""What Elasticsearch's answers say of folded stories, put into the page of a search.

Collapsed hits come with no number of their stories, and with none that is exact: a second request counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.index.port import SearchPage
from shared.index.stories import EXACT_STORIES, folded_story

UNWANTED = "-aggregations.stories.every.buckets"  # some megabytes of an answer; only their number is wanted
_WORST_ESTIMATE = 1.05  # the engine's estimate around 40,000 is off by less than one percent


def are_countable(answer: Mapping[str, Any]) -> bool:
    """Whether there are so few stories, by the estimate of ``search_body``, that they can be counted."""
    return _estimate(answer) <= EXACT_STORIES * _WORST_ESTIMATE


def with_stories(page: SearchPage, answer: Mapping[str, Any], told: Mapping[str, Any] | None) -> SearchPage:
    """A page with the number of stories, and its hits with how many articles of theirs matched.

    ``answer`` is that of ``search_body``, ``told`` that of ``stories_body``, or None when it was not asked.
    """
    counted = told["aggregations"].get("stories") if told else None
    exact = counted is not None and not counted["every"]["sum_other_doc_count"]
    buckets = told["aggregations"].get("page", {}).get("buckets", ()) if told else ()
    counts = {bucket["key"]: bucket["doc_count"] for bucket in buckets}
    return replace(
        page,
        groups=counted["number"]["count"] if exact and counted else _estimate(answer, EXACT_STORIES + 1),
        hits=tuple(replace(hit, story=folded_story(hit.article, counts)) for hit in page.hits),
        engine_ms=page.engine_ms + (told["took"] if told else 0),
        partial=page.partial or (told is not None and is_partial(told)),
        groups_approximate=not exact,
    )


def is_partial(answer: Mapping[str, Any]) -> bool:
    """Whether an answer came before all of the index had been asked."""
    return bool(answer["timed_out"] or answer["_shards"]["failed"])


def _estimate(answer: Mapping[str, Any], least: int = 0) -> int:
    return max(least, int(answer["aggregations"]["stories"]["number"]["value"]))
