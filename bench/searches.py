"""Search over HTTP beside the engine's own time for the same query on the same index.

The engine's time is ``engine_ms`` of the index port, called directly in this process: what tantivy needs for
the query, its totals and the reading of its hits (with Elasticsearch, its ``took``). HTTP's is what a client
sees on a connection kept alive. Both are measured in turn, query by query.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from bench.articles import Draft
from bench.client import Connection
from bench.numbers import Spread, percentile, spread
from bench.system import BenchFailed
from services.search.params import read_search
from shared.index.open import open_index
from shared.index.port import ArticleIndex
from shared.settings import Settings

_QUERIES: tuple[dict[str, str], ...] = (
    {"q": "hospital"},
    {"q": "inflation"},
    {"q": "budget deficit"},
    {"q": "researchers prototype software"},
    {"q": '"interest rates"'},
    {"q": '"waiting lists" hospital'},
    {"q": '"the film festival" OR "the museum extension"'},
    {"q": "storm OR drought OR heatwave"},
    {"q": "trains NOT strike"},
    {"q": "(goalkeeper OR striker) AND semi-final"},
    {"q": "parliament -sanctions"},
    {"q": "title:residents"},
    {"q": "vaccine language:en"},
    {"q": "topic:medtop:15000000"},
    {"q": "police source:morning-courier.example"},
    {"q": "election", "source": "daily-observer.example,market-wire.example"},
    {"q": "minister", "from": "2026-02-01", "to": "2026-03-31"},
    {"q": "bank", "sort": "newest", "size": "50"},
    {"q": "airport passengers", "duplicates": "keep", "highlight": "true"},
    {"sort": "newest"},
)


@dataclass(frozen=True, slots=True)
class QueryTime:
    """One query: its hits, and the 95th percentiles over HTTP and of the engine (ms)."""

    query: str
    articles: int
    http_p95: float
    engine_p95: float


@dataclass(frozen=True, slots=True)
class SearchTimes:
    """All queries together, and each by itself; milliseconds."""

    http: Spread
    engine: Spread
    queries: tuple[QueryTime, ...]


def measure_searches(
    settings: Settings, known: Draft, rounds: int, advance: Callable[[int], None]
) -> SearchTimes:
    """Ask every query ``rounds`` times; ``known`` is an article that must be found by its title."""
    queries = [*_QUERIES, {"q": f'title:"{" ".join(known.title.split()[:3])}"'}]
    targets = [urlencode(query) for query in queries]
    http: dict[str, list[float]] = {target: [] for target in targets}
    engine: dict[str, list[float]] = {target: [] for target in targets}
    totals: dict[str, int] = {}
    index = open_index(settings)
    try:
        with Connection(settings.search_port) as connection:
            for turn in range(rounds + 1):
                for target in targets:
                    totals[target], over_http, by_engine = _ask(connection, index, target)
                    if turn:  # the first round warms both sides up
                        http[target].append(over_http)
                        engine[target].append(by_engine)
                advance(1)
    finally:
        index.close()
    if not totals[targets[-1]]:
        raise BenchFailed(f"the article {known.title!r} is not found by its title")
    return _sum_up(http, engine, totals)


def _ask(connection: Connection, index: ArticleIndex, target: str) -> tuple[int, float, float]:
    """One query both ways; both must find the same number."""
    body, over_http = connection.get_timed(f"/v1/search?{target}", time.perf_counter)
    total = json.loads(body)["total"]
    page = index.search(read_search(target.encode(), datetime.now(UTC)).request)
    if (page.articles, page.groups) != (total["articles"], total["groups"]):
        raise BenchFailed(f"{target}: {total} over HTTP, {page.articles} and {page.groups} by the engine")
    return page.articles, over_http, page.engine_ms


def _sum_up(
    http: dict[str, list[float]], engine: dict[str, list[float]], totals: dict[str, int]
) -> SearchTimes:
    def all_of(times: dict[str, list[float]]) -> list[float]:
        return [one for values in times.values() for one in values]

    queries = tuple(
        QueryTime(target, totals[target], _p95(http[target]), _p95(engine[target])) for target in totals
    )
    return SearchTimes(spread(all_of(http)), spread(all_of(engine)), queries)


def _p95(values: list[float]) -> float:
    return percentile(sorted(values), 0.95)
