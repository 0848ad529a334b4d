"""``/v1/trends``: its query string, the newest article of each trend, and the answer."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, get_args
from urllib.parse import urlencode

from services.search.params import PARAMETERS, Wanted, check_names, read_pairs, read_search
from shared.article import Article
from shared.errors import InvalidRequest, Unavailable
from shared.index.keywords import fold_name
from shared.index.port import ArticleIndex, SearchRequest
from shared.index.printer import print_query
from shared.index.query import And, Keyword, Node, Word
from shared.index.trends import MAX_TRENDS, Span, Trend, TrendField, Trends, TrendsRequest

DEFAULT_WINDOW: Final = "24h"
DEFAULT_BEFORE: Final = "7d"
DEFAULT_TRENDS: Final = 10
SAMPLE_SECONDS: Final = 1.0
MAX_DAYS: Final = 3_660
FIELDS: tuple[TrendField, ...] = get_args(TrendField)
_OWN = ("window", "before", "field", "size")
_OF_HITS = ("from", "stories", "sort", "size", "offset", "highlight", "facets", "facet_size", "fields")
TRENDS_PARAMETERS = (*_OWN, *(name for name in PARAMETERS if name not in _OF_HITS))
_LENGTH = re.compile(r"([1-9][0-9]{0,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_SIZE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class WantedTrends:
    """Trends as asked for: the search whose hits are counted, of which times, and by what."""

    search: Wanted
    window: timedelta
    before: timedelta
    field: TrendField
    size: int

    def request(self) -> TrendsRequest:
        """What to ask of the index; ``to`` is where the window ends."""
        asked = self.search.request
        return TrendsRequest(
            asked.now, asked.filters.end or asked.now, self.window, self.before, asked.query, asked.filters,
            asked.duplicates, self.field, self.size,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FoundTrends:
    """Trends, with what was asked for, and the newest article of each; ``started`` as in ``Found``."""

    wanted: WantedTrends
    trends: Trends
    samples: Mapping[str, Article]
    started: float

    def to_json(self) -> dict[str, Any]:
        """A whole answer; an article that went meanwhile is no sample."""
        found, search = self.trends, self.wanted.search
        node = search.request.query
        return {
            "window": _times(found.window),
            "before": _times(found.before),
            "articles": {"now": found.window.articles, "before": found.before.articles},
            "trends": [self._trend(one) for one in found.trends],
            "query": {"text": search.text, "parsed": "" if node is None else print_query(node)},
            "approximate": found.approximate,
            "partial": found.partial,
            "took_ms": round((time.perf_counter() - self.started) * 1000, 2),
        }

    def _trend(self, trend: Trend) -> dict[str, Any]:
        sample = self.samples.get(trend.value)
        return {
            "value": trend.value,
            "name": _name(trend, self.wanted.field, sample),
            "now": trend.now,
            "before": trend.before,
            "expected": trend.expected,
            "score": trend.score,
            "sample": None if sample is None else {"id": sample.id, "title": sample.title},
        }


def read_trends(query: bytes, now: datetime) -> WantedTrends:
    """Read the query string of trends; raises ``InvalidRequest`` naming the parameter at fault."""
    given = read_pairs(query)
    check_names(given, TRENDS_PARAMETERS)
    field = _single(given, "field", FIELDS[0])
    if field not in FIELDS:
        raise InvalidRequest("field", f'must be {" or ".join(FIELDS)}, not "{field[:50]}"')
    rest = {name: values for name, values in given.items() if name not in _OWN}
    return WantedTrends(
        search=read_search(urlencode(rest, doseq=True).encode(), now),
        window=_length(given, "window", DEFAULT_WINDOW),
        before=_length(given, "before", DEFAULT_BEFORE),
        field=field,
        size=_size(_single(given, "size", str(DEFAULT_TRENDS))),
    )


def find_samples(found: Trends, asked: TrendsRequest, index: ArticleIndex) -> dict[str, Article]:
    """The newest article of each trend, by its value: one small search for each, as far as there is time."""
    until = time.monotonic() + SAMPLE_SECONDS
    filters = replace(asked.filters, start=found.window.start, end=found.window.end)
    samples: dict[str, Article] = {}
    for trend in found.trends:
        if time.monotonic() > until:
            break
        query = _narrowed(asked.query, asked.field, trend.value)
        request = SearchRequest(asked.now, query, filters, asked.duplicates, sort="newest", size=1)
        try:
            page = index.search(request)
        except Unavailable:
            break  # what was counted is worth more than an example of it
        for hit in page.hits:
            samples[trend.value] = hit.article
    return samples


def _narrowed(query: Node | None, field: TrendField, value: str) -> Node:
    narrow: Node = Word(value) if field == "word" else Keyword(field, value)
    return narrow if query is None else And((query, narrow))


def _name(trend: Trend, field: TrendField, sample: Article | None) -> str:
    """How the sample writes a name, or calls a topic; of a topic above its own it knows the code alone."""
    if sample is None or field == "word":
        return trend.name
    if field == "entity":
        names = (one.name for one in sample.entities if fold_name(one.name) == trend.value)
    else:
        names = (one.name for one in sample.topics if one.code.lower() == trend.value)
    return next(names, trend.name)


def _times(span: Span) -> dict[str, datetime]:
    return {"from": span.start, "to": span.end}


def _length(given: Mapping[str, list[str]], name: str, default: str) -> timedelta:
    text = _single(given, name, default)
    found = _LENGTH.fullmatch(text)
    if found:
        length = int(found[1]) * _UNITS[found[2]]
        if length <= timedelta(days=MAX_DAYS):
            return length
    raise InvalidRequest(
        name,
        f"must be a number of hours, days or weeks such as 6h, 24h, 7d or 2w, {MAX_DAYS:,}d at most, "
        f'not "{text[:50]}"',
    )


def _size(text: str) -> int:
    if not _SIZE.fullmatch(text) or not 1 <= int(text) <= MAX_TRENDS:
        raise InvalidRequest("size", f'must be a whole number from 1 to {MAX_TRENDS}, not "{text[:50]}"')
    return int(text)


def _single(given: Mapping[str, list[str]], name: str, default: str) -> str:
    values = given.get(name, [default])
    if len(values) > 1:
        raise InvalidRequest(name, f"is given {len(values)} times; give it once")
    return values[0]
