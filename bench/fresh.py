"""How long after its 202 an article is found by a search, while articles come in at a steady rate.

Every fifth article is a probe, and 25 probes have a source of their own. Twenty times a second one search
for the sources with probes still missing tells which have appeared; that costs little, and makes a time up to
50 ms too long, never too short.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.client import Connection
from bench.numbers import Spread, spread
from bench.senders import send_all
from bench.system import BenchFailed
from shared.settings import Settings

PROBE_EVERY = 5
GROUP = 25  # probes of one source
GROUPS_ASKED = 4  # in one search, whose answer holds 100 hits at most
POLL_EVERY = 0.05
SENDERS = 4
LAST_WAIT = 30.0  # seconds for the last probes


class _Sightings:
    """When each probe was accepted and when it was first found; shared by senders and poller."""

    def __init__(self) -> None:
        self.accepted: dict[str, tuple[float, str]] = {}  # by id: when, and its source
        self.found: dict[str, float] = {}
        self.sent_all = threading.Event()

    def missing(self) -> list[str]:
        """The sources of the probes that were accepted and not found yet."""
        accepted = list(self.accepted.items())
        return list(dict.fromkeys(source for probe, (_, source) in accepted if probe not in self.found))

    def times(self) -> list[float]:
        return [(self.found[probe] - at) * 1000 for probe, (at, _) in self.accepted.items()]


def probe_source(place: int) -> str | None:
    """The source of the probe in this place of the run; None where there is no probe."""
    return None if place % PROBE_EVERY else f"probe-{place // PROBE_EVERY // GROUP}.example"


def measure_fresh(
    settings: Settings, lines: Sequence[bytes], rate: float, advance: Callable[[int], None]
) -> Spread:
    """Push at ``rate`` a second, and answer the milliseconds from 202 to found of the probes."""
    seen = _Sightings()
    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(_poll, settings.search_port, seen)
        try:
            _send_all(settings.ingest_port, lines, rate, seen, advance)
        except BaseException:
            seen.accepted.clear()  # nothing is worth waiting for any more
            raise
        finally:
            seen.sent_all.set()
        polling.result()
    return spread(seen.times())


def _send_all(
    port: int, lines: Sequence[bytes], rate: float, seen: _Sightings, advance: Callable[[int], None]
) -> None:
    """Send each article at its own moment; a sender that is late goes on at once."""
    started = time.perf_counter()

    def send(connection: Connection, placed: tuple[int, bytes]) -> None:
        place, line = placed
        time.sleep(max(0.0, started + place / rate - time.perf_counter()))
        article_id = connection.push(line)
        source = probe_source(place)
        if source is not None:
            seen.accepted[article_id] = time.perf_counter(), source
        advance(1)

    send_all(port, SENDERS, enumerate(lines), send)


def _poll(port: int, seen: _Sightings) -> None:
    with Connection(port) as connection:
        while not seen.sent_all.is_set():
            _look(connection, seen)
        deadline = time.monotonic() + LAST_WAIT
        while seen.missing():
            if time.monotonic() > deadline:
                raise BenchFailed(f"probes of {seen.missing()} were not found within {LAST_WAIT:g} s")
            _look(connection, seen)


def _look(connection: Connection, seen: _Sightings) -> None:
    """Ask for everything that is missing, then rest until the next look is due."""
    began = time.perf_counter()
    missing = seen.missing()
    for start in range(0, len(missing), GROUPS_ASKED):
        sources = ",".join(missing[start : start + GROUPS_ASKED])
        query = f"/v1/search?source={sources}&size=100&fields=id&duplicates=keep"
        hits = connection.get_json(query)["hits"]
        now = time.perf_counter()
        for hit in hits:
            seen.found.setdefault(hit["id"], now)
    time.sleep(max(0.0, POLL_EVERY - (time.perf_counter() - began)))
