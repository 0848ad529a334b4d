"""What Prometheus reads of this process's answers: what it refuses, by why, and how long a push takes.

The ledger's numbers are the same whichever process tells them; these are each process's own, and add up.
Labels are routes and words of this module; nothing that a sender gives becomes one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram, disable_created_metrics
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

# As those of searches. On SQLite a push waits for those before it, for seconds when the disk is slow.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
PUSHES: Final = ("/v1/articles", "/v1/pages")
STREAM: Final = "/v1/articles:bulk"  # which lasts as long as its sender likes
TAKEN: Final = "taken"  # as a whole: items of an array or a stream may have been refused
KINDS: Final = ("too-many", "unavailable", "forbidden", "not-there", "bad-request", "our-fault")
_API: Final = "/v1/"  # probes and scrapes refuse nothing
_NAMED: Final = {
    401: "forbidden", 403: "forbidden", 404: "not-there", 410: "not-there", 429: "too-many",
    503: "unavailable", 504: "unavailable",
}  # fmt: skip


def refusal_kind(status: int) -> str | None:
    """Why an answer refuses a request, by its status; None for one that does not."""
    if status < 400:
        return None
    return _NAMED.get(status, "bad-request" if status < 500 else "our-fault")


class IngestMetrics(Collector):
    """The numbers of one ingest process; safe to share between threads."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # second series that nobody reads
        self._refusals = Counter(
            "copydesk_ingest_refusals", "Requests that were refused, by why.", ("kind",), registry=None
        )
        self._pushes = Counter(
            "copydesk_ingest_pushes", "Pushes, pages and streams, by how they were answered.", ("answer",),
            registry=None,
        )  # fmt: skip
        self._seconds = Histogram(
            "copydesk_ingest_push_seconds", "Seconds from a push to its 202, by route.", ("route",),
            buckets=SECONDS, registry=None,
        )  # fmt: skip
        # A series that begins with its first refusal shows Prometheus no rise.
        for kind in KINDS:
            self._refusals.labels(kind)
        for answer in (TAKEN, *KINDS):
            self._pushes.labels(answer)
        for route in PUSHES:
            self._seconds.labels(route)

    def watch(self, app: Flask) -> None:
        """Count what an app answers from now on; to be called before hooks whose time is to count."""
        app.before_request(_begin)
        app.after_request(self._count)

    def collect(self) -> Iterable[Metric]:
        """The families, with every label value from the start."""
        yield from self._refusals.collect()
        yield from self._pushes.collect()
        yield from self._seconds.collect()

    def _count(self, response: Response) -> Response:
        if not request.path.startswith(_API):
            return response
        route = None if request.url_rule is None else request.url_rule.rule
        kind = refusal_kind(response.status_code)
        if request.method == "POST" and route in (*PUSHES, STREAM):
            self._pushes.labels(kind or TAKEN).inc()
        if kind:
            self._refusals.labels(kind).inc()
        elif response.status_code == 202 and route in PUSHES:
            self._seconds.labels(route).observe(time.perf_counter() - g.push_began)
        return response


def _begin() -> None:
    g.push_began = time.perf_counter()
