"""How near the machine's limits are: Redis' memory, the ledger's disk. Asked as it is told, by ingest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.queue import TROUBLE, make_redis
from shared.settings import Settings

_SQLITE: Final = "sqlite"


class LimitsCollector(Collector):
    """What Redis and the ledger may take; what cannot be asked has no series, and raises nothing.

    ``ask_redis`` answers what ``INFO memory`` says.
    """

    def __init__(self, settings: Settings, ask_redis: Callable[[], Mapping[str, Any]] | None = None) -> None:
        self._settings = settings
        self._ask_redis = ask_redis or _asking(settings)

    def collect(self) -> Iterable[Metric]:
        """Ask Redis, which takes two seconds at most, and the system for the size of the disk."""
        yield from self._redis()
        words = "Bytes that the ledger may hold before pushes are refused (COPYDESK_MAX_LEDGER_BYTES)."
        yield GaugeMetricFamily("copydesk_ledger_limit_bytes", words, self._settings.max_ledger_bytes)
        if urlsplit(self._settings.ledger_url).scheme == _SQLITE:
            yield from _disk(Path(urlsplit(self._settings.ledger_url).path[1:]).parent)

    def _redis(self) -> Iterator[Metric]:
        told: Mapping[str, Any] = {}
        with suppress(*TROUBLE):
            told = self._ask_redis()
        up = "Whether Redis answers: 1, else 0."
        yield GaugeMetricFamily("copydesk_redis_up", up, float("used_memory" in told))
        if "used_memory" not in told:
            return
        words = "Bytes of memory that Redis has taken."
        yield GaugeMetricFamily("copydesk_redis_memory_bytes", words, told["used_memory"])
        # Without a limit of its own it may take what the machine has.
        limit = told.get("maxmemory") or told.get("total_system_memory")
        if limit:
            words = "Bytes of memory that Redis may take."
            yield GaugeMetricFamily("copydesk_redis_memory_limit_bytes", words, limit)


def _asking(settings: Settings) -> Callable[[], Mapping[str, Any]]:
    """A question to the settings' Redis; nothing connects before it is asked."""
    if not settings.redis_url:
        return dict
    client = make_redis(settings)

    def ask() -> Mapping[str, Any]:
        told: Mapping[str, Any] = client.info("memory")
        return told

    return ask


def _disk(folder: Path) -> Iterator[Metric]:
    with suppress(OSError):
        words = "Size of the disk that the ledger lies on."
        yield GaugeMetricFamily("copydesk_ledger_disk_bytes", words, shutil.disk_usage(folder).total)
