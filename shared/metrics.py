"""What Prometheus reads: the ledger's own numbers, read as they are asked for, so that both always agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from shared.clock import now_ms, to_ms
from shared.ledger.keeping import QuarantineFilter
from shared.ledger.port import Backlog, Ledger
from shared.messages import LANES, STAGES, TERMINAL, Lane, Stage

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_PLACE = ("stage", "lane")


class LedgerCollector(Collector):
    """The ledger's numbers as metric families; every series is always there, zeros too."""

    def __init__(self, ledger: Ledger, now: Callable[[], int] = now_ms) -> None:
        self._ledger = ledger
        self._now = now

    def collect(self) -> Iterable[Metric]:
        """Read everything; raises ``Unavailable`` when the ledger is away."""
        now = self._now()
        tallies, backlog = self._ledger.tallies(), self._ledger.backlog(now)
        yield from _totals(tallies)
        yield from _rejections(self._ledger.rejections())
        yield from _waiting(backlog, now)
        quarantined = self._ledger.count_quarantined(QuarantineFilter())
        yield GaugeMetricFamily("copydesk_quarantined", "Submissions in quarantine.", quarantined)
        yield from _last_indexed(self._ledger.last_indexed())
        load = self._ledger.load(now, 0)
        yield GaugeMetricFamily("copydesk_ledger_bytes", "Size of the ledger.", load.ledger_bytes)
        if load.free_bytes is not None:
            words = "Bytes free on the ledger's disk."
            yield GaugeMetricFamily("copydesk_ledger_free_bytes", words, load.free_bytes)


def exposition(ledger: Ledger, *more: Collector) -> bytes:
    """The ledger's metrics, and ``more``, in the text format of ``CONTENT_TYPE``; raises ``Unavailable``."""
    registry = CollectorRegistry(auto_describe=False)  # of this answer alone: nothing is shared or kept
    for collector in (LedgerCollector(ledger), *more):
        registry.register(collector)
    return generate_latest(registry)


def _totals(tallies: dict[str, int]) -> Iterator[Metric]:
    yield CounterMetricFamily("copydesk_accepted", "Submissions accepted.", tallies.get("accepted", 0))
    # A replay takes a submission back from its word, so this can fall. A counter that falls would be read as
    # one that was restarted, and its rate as a burst.
    ended = GaugeMetricFamily(
        "copydesk_ended_total", "Submissions that have ended, by status word; a replay takes from it.",
        labels=("word",),
    )  # fmt: skip
    for word in sorted(TERMINAL):
        ended.add_metric((word,), tallies.get(word, 0))
    yield ended
    words = "Wake-ups of stages that had waited too long."
    yield CounterMetricFamily("copydesk_sweeper_wakes", words, tallies.get("woken", 0))
    words = "Submissions removed by retention."
    yield CounterMetricFamily("copydesk_pruned", words, tallies.get("pruned", 0))


def _rejections(reasons: dict[str, int]) -> Iterator[Metric]:
    # Also a gauge, for the same cause. A reason's series begins with the first submission it was given for.
    rejected = GaugeMetricFamily(
        "copydesk_rejected_submissions", "Submissions rejected, by reason; a replay takes from it.",
        labels=("reason",),
    )  # fmt: skip
    for reason in sorted(reasons):
        rejected.add_metric((reason,), reasons[reason])
    yield rejected


def _waiting(backlog: list[Backlog], now: int) -> Iterator[Metric]:
    found: dict[tuple[Stage, Lane], Backlog] = {(entry.stage, entry.lane): entry for entry in backlog}
    depth = GaugeMetricFamily(
        "copydesk_backlog", "Submissions that have not ended.", labels=(*_PLACE, "state")
    )
    wait = GaugeMetricFamily(
        "copydesk_oldest_wait_seconds", "How long the oldest has waited that could be worked on.",
        labels=_PLACE,
    )  # fmt: skip
    for place in ((stage, lane) for stage in STAGES for lane in LANES):
        entry = found.get(place)
        counts = (entry.waiting, entry.held, entry.put_off) if entry else (0, 0, 0)
        for state, count in zip(("waiting", "held", "put_off"), counts, strict=True):
            depth.add_metric((*place, state), count)
        wait.add_metric(place, _age(entry.oldest_since if entry else None, now))
    yield depth
    yield wait
    oldest = min((entry.oldest_accepted for entry in backlog), default=None)
    words = "Age of the oldest submission that has not ended."
    yield GaugeMetricFamily("copydesk_oldest_accepted_seconds", words, _age(oldest, now))


def _last_indexed(at: datetime | None) -> Iterator[Metric]:
    words = "When a submission was indexed last, in seconds since the epoch; 0 when none was lately."
    seconds = 0.0 if at is None else to_ms(at) / 1000
    yield GaugeMetricFamily("copydesk_last_indexed_timestamp_seconds", words, seconds)


def _age(since: datetime | None, now: int) -> float:
    """Seconds, 0 for none; a clock that was set back makes no negative age."""
    return 0.0 if since is None else max(0.0, (now - to_ms(since)) / 1000)
