"""Timelines of a search: the query string to a request to the index, and the answer in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from urllib.parse import urlencode

from services.search.params import PARAMETERS, Wanted, check_names, read_pairs, read_search
from shared.errors import InvalidRequest
from shared.index.port import Timeline, TimelineBucket, TimelineRequest
from shared.index.printer import print_query

Split = Literal["source", "topic"]

DEFAULT_INTERVAL = "day"
SPLITS = ("source", "topic")
_OWN = ("interval", "split")
_OF_HITS = ("stories", "sort", "size", "offset", "highlight", "facets", "facet_size", "fields")
TIMELINE_PARAMETERS = (*_OWN, *(name for name in PARAMETERS if name not in _OF_HITS))


@dataclass(frozen=True, slots=True)
class WantedTimeline:
    """One timeline as asked for: the search whose hits are counted, and by what."""

    search: Wanted
    interval: str
    split: Split | None

    def request(self) -> TimelineRequest:
        """What to ask of the index."""
        asked = self.search.request
        return TimelineRequest(
            asked.now, asked.query, asked.filters, asked.duplicates, self.interval, self.split
        )


def read_timeline(query: bytes, now: datetime) -> WantedTimeline:
    """Read the query string of a timeline; raises ``InvalidRequest`` naming the parameter at fault."""
    given = read_pairs(query)
    check_names(given, TIMELINE_PARAMETERS)
    interval = _single(given, "interval", DEFAULT_INTERVAL)
    split = _single(given, "split", "")
    if "split" in given and split not in SPLITS:
        raise InvalidRequest("split", f'must be {" or ".join(SPLITS)}, not "{split[:50]}"')
    rest = {name: values for name, values in given.items() if name not in _OWN}
    search = read_search(urlencode(rest, doseq=True).encode(), now)
    return WantedTimeline(search, interval, cast("Split", split) if split else None)


def timeline_json(timeline: Timeline, wanted: WantedTimeline, took_ms: float) -> dict[str, Any]:
    """A whole timeline answer; a bucket has ``split`` and ``other`` only where it was asked for."""
    node = wanted.search.request.query
    return {
        "interval": timeline.interval,
        "buckets": [_bucket(one) for one in timeline.buckets],
        "total": timeline.total,
        "undated": timeline.undated,
        "query": {"text": wanted.search.text, "parsed": "" if node is None else print_query(node)},
        "partial": timeline.partial,
        "took_ms": took_ms,
    }


def _bucket(bucket: TimelineBucket) -> dict[str, Any]:
    told = {"from": bucket.start, "to": bucket.end, "count": bucket.count}
    return told if bucket.split is None else told | {"split": bucket.split, "other": bucket.other}


def _single(given: Mapping[str, list[str]], name: str, default: str) -> str:
    values = given.get(name, [default])
    if len(values) > 1:
        raise InvalidRequest(name, f"is given {len(values)} times; give it once")
    return values[0]
