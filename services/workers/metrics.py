"""What a worker's children count, told to Prometheus by their parent: batches, outcomes, outages, delays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from shared.clock import from_ms, now_ms
from shared.index.port import ArticleIndex, SearchRequest
from shared.ledger.port import Claim, Outcome, OutcomeWord
from shared.log import get_logger, name_fault
from shared.messages import STAGES, Stage, Status
from shared.metrics_memory import SharedHistogram, SharedNames, SharedNumbers

LATE: Final = "late"  # the commit of a batch that another worker had taken over
WORDS: Final[tuple[str, ...]] = (*get_args(Status), "failed", "deferred", LATE)
DEATHS: Final = ("killed", "time-limit")
STAGE_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCH_ARTICLES: Final = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0)
SEARCHABLE_SECONDS: Final = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0)
PUBLISHED_SECONDS: Final = (
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1_800.0,
    3_600.0,
    10_800.0,
    43_200.0,
    86_400.0,
)
MOST_SOURCES: Final = 20  # with a series of their own
OTHER: Final = "other"
# How Elasticsearch names what it answers 429 with: for one item, or for a whole request.
BUSY: Final = ("es_rejected_execution_exception", "circuit_breaking_exception", "Elasticsearch answered 429")


class Measures:
    """What the children of one worker count together; to be made before they are forked.

    An article's own delays are counted once, as it is written to the index for the first time: what is
    corrected, replayed or written again for a copy's sake came in long before.
    """

    def __init__(self) -> None:
        self._width = 0
        self._words = {(stage, word): self._place() for stage in STAGES for word in WORDS}
        self._outages = {stage: self._place() for stage in STAGES}
        self._deaths = {kind: self._place() for kind in DEATHS}
        self._busy = self._place()
        seconds = {stage: self._place(STAGE_SECONDS) for stage in STAGES}
        sizes = {stage: self._place(BATCH_ARTICLES) for stage in STAGES}
        searchable = self._place(SEARCHABLE_SECONDS)
        published = [self._place(PUBLISHED_SECONDS) for _ in range(MOST_SOURCES + 1)]
        self._numbers = SharedNumbers(self._width)
        self._seconds = {stage: self._histogram(at, STAGE_SECONDS) for stage, at in seconds.items()}
        self._sizes = {stage: self._histogram(at, BATCH_ARTICLES) for stage, at in sizes.items()}
        self._searchable = self._histogram(searchable, SEARCHABLE_SECONDS)
        self._published = [self._histogram(at, PUBLISHED_SECONDS) for at in published]
        self._sources = SharedNames(MOST_SOURCES)
        self._seated = False

    def _place(self, bounds: Sequence[float] | None = None) -> int:
        at = self._width
        self._width += 1 if bounds is None else SharedHistogram.width(bounds)
        return at

    def _histogram(self, at: int, bounds: Sequence[float]) -> SharedHistogram:
        return SharedHistogram(self._numbers, at, bounds)

    def begin(self) -> None:
        """Take a place of its own for this process; to be called once after its fork."""
        self._numbers.begin()

    def close(self) -> None:
        """Close the files."""
        self._numbers.close()
        self._sources.close()

    # What is counted

    def batch(
        self,
        claim: Claim,
        outcomes: Sequence[Outcome],
        words: Mapping[OutcomeWord, int] | Mapping[str, int],
        seconds: float | None,
        now: datetime | None = None,
    ) -> None:
        """Count a batch as it is committed: ``words`` of the ledger, ``seconds`` None for a cut-short one."""
        stage = claim.stage
        self._sizes[stage].observe(len(claim.works))
        if seconds is not None:
            self._seconds[stage].observe(seconds)
        for word, count in words.items():
            if (place := self._words.get((stage, word))) is not None:
                self._numbers.add(place, count)
        if not words:
            self._numbers.add(self._words[stage, LATE], len(claim.works))
        elif stage == "index":
            self._indexed(claim, outcomes, now or from_ms(now_ms()))

    def outage(self, stage: Stage) -> None:
        """Count that a stage found something away."""
        self._numbers.add(self._outages[stage])

    def death(self, *, out_of_time: bool) -> None:
        """Count that a child was killed, or ran out of time."""
        self._numbers.add(self._deaths["time-limit" if out_of_time else "killed"])

    def seat(self, index: ArticleIndex) -> None:
        """Give the largest sources of the index a series each, once; what is left, those that come first."""
        if self._seated:
            return
        self._seated = True
        if self._sources.all():  # another child has done it
            return
        request = SearchRequest(now=from_ms(now_ms()), size=0, facets=("source",), facet_size=MOST_SOURCES)
        try:
            largest = index.search(request).facets.get("source", ())
        except Exception as error:  # noqa: BLE001 - the batch is committed: what only tells may not fail it
            get_logger().info("sources not counted", error=name_fault(error))
            return
        for found in largest:
            self._sources.place(found.value)

    def _indexed(self, claim: Claim, outcomes: Sequence[Outcome], now: datetime) -> None:
        for work, outcome in zip(claim.works, outcomes, strict=True):
            if outcome.word == "deferred" and (outcome.reason or "").startswith(BUSY):
                self._numbers.add(self._busy)
            article = work.article
            if outcome.word != "indexed" or article is None or claim.lane != "live":
                continue
            if article.indexed_at is not None or article.withdrawn:
                continue
            self._searchable.observe(max(0.0, (now - article.ingested_at).total_seconds()))
            # A clock that is ahead of ours, or a date announced for later, is no delay.
            if article.published_at is not None and article.published_at <= now:
                place = self._sources.place(article.source.id)
                delay = (now - article.published_at).total_seconds()
                self._published[MOST_SOURCES if place is None else place].observe(delay)

    # What is told

    def tell(self, worker: str, queues: Iterable[str]) -> bytes:
        """Everything in Prometheus's text format; ``worker`` and its queues tell who that is."""
        registry = CollectorRegistry()  # of this answer alone
        registry.register(_Told(lambda: self._families(worker, ",".join(sorted(queues)))))
        return generate_latest(registry)

    def _families(self, worker: str, queues: str) -> Iterator[Metric]:
        who = GaugeMetricFamily("copydesk_worker_info", "Who tells this: 1.", labels=("worker", "queues"))
        who.add_metric((worker, queues), 1)
        yield who
        words = CounterMetricFamily(
            "copydesk_stage_articles", "Articles that left a stage, by outcome.", labels=("stage", "word")
        )
        for (stage, word), place in self._words.items():
            words.add_metric((stage, word), self._numbers.total(place))
        yield words
        outages = CounterMetricFamily(
            "copydesk_stage_outages", "Times a stage found something away.", labels=("stage",)
        )
        for each, place in self._outages.items():
            outages.add_metric((each,), self._numbers.total(place))
        yield outages
        deaths = CounterMetricFamily("copydesk_child_deaths", "Children that died at work.", labels=("kind",))
        for kind, place in self._deaths.items():
            deaths.add_metric((kind,), self._numbers.total(place))
        yield deaths
        told = "Articles that the index put off because it had too much to do (429)."
        yield CounterMetricFamily("copydesk_index_busy_articles", told, self._numbers.total(self._busy))
        yield from self._histograms()

    def _histograms(self) -> Iterator[Metric]:
        told = "Seconds of a batch at a stage, its commit included."
        yield _family("copydesk_stage_seconds", told, "stage", self._seconds)
        told = "Articles of a batch at a stage; at index, of a bulk write."
        yield _family("copydesk_stage_batch_articles", told, "stage", self._sizes)
        told = "Seconds from the 202 of an article to its place in the index."
        yield _family("copydesk_searchable_seconds", told, None, {"": self._searchable})
        told = "Seconds from an article's publication to its place in the index, by source."
        names = [*self._sources.all()]
        published = dict(zip(names, self._published, strict=False)) | {OTHER: self._published[MOST_SOURCES]}
        yield _family("copydesk_published_to_searchable_seconds", told, "source", published)


class _Told(Collector):
    """A collector of what a function yields."""

    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families()


def _family(
    name: str,
    told: str,
    label: str | None,
    found: Mapping[Stage, SharedHistogram] | Mapping[str, SharedHistogram],
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, told, labels=() if label is None else (label,))
    for value, histogram in found.items():
        family.add_metric(() if label is None else (value,), histogram.buckets(), histogram.sum())
    return family
