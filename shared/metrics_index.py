"""How many bytes the index takes on disk; which engine it is, the settings say."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

import httpx

from shared.errors import Unavailable
from shared.settings import Settings

ASK_SECONDS: Final = 2.0
FRESH_SECONDS: Final = 10.0  # several who scrape cost the engine no more than one


class IndexSize:
    """The size of the index of some settings, in bytes; safe to share between threads."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = Lock()
        self._known: tuple[float, int | None] = (0.0, None)

    def __call__(self) -> int | None:
        """Bytes, at most ten seconds old; None where the engine does not tell.

        Raises ``Unavailable`` while it cannot be asked.
        """
        with self._lock:
            until, size = self._known
            if self._clock() >= until:
                size = self._measure()
                self._known = (self._clock() + FRESH_SECONDS, size)
            return size

    def _measure(self) -> int | None:
        if not self._settings.index_url:
            return folder_bytes(self._settings.index_dir)
        return engine_bytes(self._settings.index_url, self._settings.index_alias)


def folder_bytes(folder: Path) -> int:
    """The bytes of all files below a folder; those that go meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def engine_bytes(url: str, alias: str) -> int | None:
    """What the primary shards behind an Elasticsearch alias take; None where that may not be asked.

    Asks the first of the addresses that answers. Raises ``Unavailable`` when none does.
    """
    from shared.index.elasticsearch_client import read_hosts  # only where that engine is in use

    hosts, credentials = read_hosts(url)
    for host in hosts:
        try:
            answer = httpx.get(
                f"{host}/{alias}/_stats/store", auth=credentials, timeout=ASK_SECONDS, trust_env=False
            )
            if answer.status_code in (401, 403):  # a role without the right to monitor searches all the same
                return None
            return int(answer.raise_for_status().json()["_all"]["primaries"]["store"]["size_in_bytes"])
        except (httpx.HTTPError, KeyError, TypeError, ValueError):
            continue
    raise Unavailable("Elasticsearch does not tell the size of the index")
