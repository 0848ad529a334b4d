"""What Prometheus reads of the search service: answers and their times, what is open, how large the index is.

Labels are routes and words of this module; nothing that a reader sends becomes one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from threading import Lock
from typing import Any, Final, cast

from flask import Flask, Response, g, request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.errors import Unavailable
from shared.index.port import (
    ArticleIndex,
    Mark,
    SearchPage,
    SearchRequest,
    Step,
    Suggestions,
    Timeline,
    TimelineRequest,
)
from shared.index.similar import Similar, SimilarRequest
from shared.index.trends import Trends, TrendsRequest
from shared.index.walking import KEEP_SECONDS, WalkGone
from shared.metrics import CONTENT_TYPE

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ANSWERS: Final = ("ok", "your-query", "try-again", "our-fault")
ASKED: Final = ("search", "walk", "timeline", "suggest", "similar", "trends")
NOWHERE: Final = "none"  # the route of an address that there is none for
EXPORT: Final = "/v1/search/export"
_TRY_AGAIN: Final = frozenset((429, 503, 504))


def kind_of(status: int) -> str:
    """Which of the kinds of answers a status is: fine, the asker's fault, a matter of time, or ours."""
    if status < 400:
        return "ok"
    if status in _TRY_AGAIN:
        return "try-again"
    return "your-query" if status < 500 else "our-fault"


class Walks:
    """Counts the walks that are open in this process; safe to share between threads.

    One that the engine gave up for a newer one is counted until it would have lapsed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._until: dict[str, float] = {}  # by pin, the one that stepped last stands last

    def moved(self, before: Mark | None, after: Mark | None) -> None:
        """A walk took a step, from one mark to the next; without a next one it has ended."""
        now = self._clock()
        with self._lock:
            if before is not None:
                self._until.pop(before.pin, None)
            if after is not None and after.pin:
                self._until[after.pin] = now + KEEP_SECONDS
            self._forget(now)

    def open(self) -> int:
        """How many there are."""
        with self._lock:
            self._forget(self._clock())
            return len(self._until)

    def _forget(self, now: float) -> None:
        while self._until:
            pin = next(iter(self._until))
            if self._until[pin] > now:
                return
            del self._until[pin]


class SearchMetrics:
    """The numbers of one search service, in a registry of its own; safe to share between threads."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # second series that nobody reads
        self.registry = CollectorRegistry()
        self.walks = Walks()
        self._requests = Counter(
            "copydesk_search_requests", "Requests, by route and kind of answer.", ("route", "answer"),
            registry=self.registry,
        )  # fmt: skip
        self._errors = Counter(
            "copydesk_search_errors", "Answers that are errors, by HTTP status.", ("status",),
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "copydesk_search_seconds", "Seconds from a request to its answer, an export's to its first line.",
            ("route",), buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self._engine = Histogram(
            "copydesk_search_engine_seconds", "Seconds of these that the engine took, by what it was asked.",
            ("asked",), buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self._partial = Counter(
            "copydesk_search_partial", "Answers that the engine ran out of time for, by what it was asked.",
            ("asked",), registry=self.registry,
        )  # fmt: skip
        self._exports = Gauge(
            "copydesk_search_open_exports", "Exports on their way out.", registry=self.registry
        )
        walks = Gauge(
            "copydesk_search_open_walks", "Walks through a result that are kept.", registry=self.registry
        )
        walks.set_function(self.walks.open)
        for asked in ASKED:
            self._engine.labels(asked)
            self._partial.labels(asked)
        for status in (400, 404, 500, 503):
            self._errors.labels(str(status))

    def watch(self, app: Flask) -> None:
        """Count what an app answers from now on; to be called once all its routes are there."""
        # A series that begins with its first error shows Prometheus no rise.
        for route in sorted({rule.rule for rule in app.url_map.iter_rules()} | {NOWHERE}):
            for answer in ANSWERS:
                self._requests.labels(route, answer)
            self._seconds.labels(route)
        app.before_request(_begin)
        app.after_request(self._count)

    def asked(self, what: str, engine_ms: float, *, partial: bool = False) -> None:
        """Count one answer of the engine."""
        self._engine.labels(what).observe(engine_ms / 1000)
        if partial:
            self._partial.labels(what).inc()

    def _count(self, response: Response) -> Response:
        route, status = _route(), response.status_code
        self._requests.labels(route, kind_of(status)).inc()
        if status >= 400:
            self._errors.labels(str(status)).inc()
        began = g.pop("metrics_began", None)
        if began is not None:  # else it was answered before this module saw it
            self._seconds.labels(route).observe(time.perf_counter() - began)
        if route == EXPORT and status == 200 and request.method == "GET":
            self._exports.inc()
            response.call_on_close(_once(self._exports.dec))
        return response


def _begin() -> None:
    g.metrics_began = time.perf_counter()


def _route() -> str:
    return NOWHERE if request.url_rule is None else request.url_rule.rule


def _once(do: Callable[[], None]) -> Callable[[], None]:
    left = [do]

    def run() -> None:
        with suppress(IndexError):  # a server may close an answer twice
            left.pop()()

    return run


class MeasuredIndex:
    """An ``ArticleIndex`` whose answers are counted; everything else it passes on to the index."""

    def __init__(self, index: ArticleIndex, metrics: SearchMetrics) -> None:
        self._index = index
        self._metrics = metrics

    def search(self, request: SearchRequest) -> SearchPage:
        """Answer one search."""
        page = self._index.search(request)
        self._metrics.asked("search", page.engine_ms, partial=page.partial)
        return page

    def walk(self, request: SearchRequest, mark: Mark | None, now: datetime) -> Step:
        """Take the next step through a whole result."""
        try:
            step = self._index.walk(request, mark, now)
        except WalkGone:
            self._metrics.walks.moved(mark, None)
            raise
        self._metrics.walks.moved(mark, step.mark)
        self._metrics.asked("walk", step.page.engine_ms)
        return step

    def end_walk(self, mark: Mark) -> None:
        """Give up what is kept for a walk."""
        self._metrics.walks.moved(mark, None)
        self._index.end_walk(mark)

    def timeline(self, request: TimelineRequest) -> Timeline:
        """Count hits by time."""
        found = self._index.timeline(request)
        self._metrics.asked("timeline", found.engine_ms, partial=found.partial)
        return found

    def suggest(self, text: str, size: int, now: datetime) -> Suggestions:
        """Suggest sources, topics and entities by how their names begin."""
        found = self._index.suggest(text, size, now)
        self._metrics.asked("suggest", found.engine_ms, partial=found.partial)
        return found

    def similar(self, request: SimilarRequest) -> Similar:
        """Find articles like a text."""
        found = self._index.similar(request)
        self._metrics.asked("similar", found.page.engine_ms, partial=found.page.partial)
        return found

    def trends(self, request: TrendsRequest) -> Trends:
        """Find what is told of more than before."""
        found = self._index.trends(request)
        self._metrics.asked("trends", found.engine_ms, partial=found.partial)
        return found

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the index has
        return getattr(self._index, name)


def measured(index: ArticleIndex, metrics: SearchMetrics) -> ArticleIndex:
    """The same index, with its answers counted."""
    return cast("ArticleIndex", MeasuredIndex(index, metrics))


class IndexCollector(Collector):
    """How large the index is, asked as it is told; only whether it answers, while it does not.

    ``size`` answers bytes on disk, None where they are not to be had, and may raise ``Unavailable``.
    """

    def __init__(self, index: ArticleIndex, size: Callable[[], int | None]) -> None:
        self._index = index
        self._size = size

    def collect(self) -> Iterable[Metric]:
        """Ask the index; never raises because it is away."""
        documents: int | None = None
        taken: int | None = None
        with suppress(Unavailable):
            documents = self._index.count()
            taken = self._size()
        up = float(documents is not None)
        yield GaugeMetricFamily("copydesk_index_up", "Whether the index answers: 1, else 0.", up)
        if documents is not None:
            words = "Documents of the index, tombstones included."
            yield GaugeMetricFamily("copydesk_index_documents", words, documents)
        if taken is not None:
            yield GaugeMetricFamily("copydesk_index_bytes", "Size of the index on disk.", taken)


def add_metrics(
    app: Flask, metrics: SearchMetrics, index: ArticleIndex, size: Callable[[], int | None]
) -> None:
    """Give an app the address ``/metrics``, and count what it answers from now on."""
    metrics.registry.register(IndexCollector(index, size))
    app.add_url_rule("/metrics", "metrics", lambda: _exposition(metrics))
    metrics.watch(app)


def _exposition(metrics: SearchMetrics) -> Response:
    return Response(generate_latest(metrics.registry), content_type=CONTENT_TYPE)
