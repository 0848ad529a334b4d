"""Pushes articles, one by one and in bulk, and waits until the last of them is searchable."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.client import Connection
from bench.numbers import Spread, spread
from bench.processes import used_since
from bench.senders import send_all
from bench.system import BenchFailed, System, log_tail
from bench.watch import Span

CONNECTIONS = 4  # of the one-by-one push
BULK_LINES = 1_000  # of one bulk request
LOOK_EVERY = 0.2  # seconds between two looks at what is under way
STALL_SECONDS = 60.0  # without any progress

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Accepts:
    """A push: how many were accepted in how many seconds, and how long each 202 took (ms; singles only)."""

    articles: int
    seconds: float
    latency: Spread | None = None

    @property
    def rate(self) -> float:
        """Accepted articles a second."""
        return self.articles / self.seconds


@dataclass(frozen=True, slots=True)
class Flow:
    """A push followed to its end: acceptance, the whole span, and the CPU milliseconds of every part."""

    accepts: Accepts
    span: Span
    cpu_ms: dict[str, float]
    refreshes: int  # documents written once more, because a copy joined them

    @property
    def rate(self) -> float:
        """Articles a second from the first acceptance to the last index write."""
        return self.accepts.articles / self.span.seconds

    @property
    def cpu_ms_each(self) -> float:
        """CPU milliseconds per article of the whole system."""
        return sum(self.cpu_ms.values()) / self.accepts.articles


def follow(system: System, push: Callable[[], Accepts], advance: Advance) -> Flow:
    """Push, wait for the end of everything, and read what it took."""
    after, before = system.watch.last_sequence(), system.cpu()
    accepts = push()
    wait_until_done(system, accepts.articles, advance)
    cpu = used_since(before, system.cpu())
    return Flow(accepts, system.watch.span(after), cpu, system.watch.refreshes(after))


def push_singles(port: int, lines: Sequence[bytes]) -> Accepts:
    """Push one by one over a few connections, as fast as they are taken."""
    latencies: list[float] = []

    def send(connection: Connection, line: bytes) -> None:
        began = time.perf_counter()
        connection.push(line)
        latencies.append((time.perf_counter() - began) * 1000)

    started = time.perf_counter()
    send_all(port, CONNECTIONS, lines, send)
    return Accepts(len(lines), time.perf_counter() - started, spread(latencies))


def push_bulk(port: int, lines: Sequence[bytes]) -> Accepts:
    """Push in streams of a thousand lines, one after the other."""
    started = time.perf_counter()
    with Connection(port) as connection:
        for start in range(0, len(lines), BULK_LINES):
            connection.push_bulk(list(lines[start : start + BULK_LINES]))
    return Accepts(len(lines), time.perf_counter() - started)


def wait_until_done(system: System, articles: int, advance: Advance = lambda _: None) -> None:
    """Wait until nothing is under way, refreshes included; fails when nothing moves for a minute."""
    left, moved = articles, time.monotonic()
    while left:
        now_left = system.watch.under_way()
        if now_left != left:
            advance(max(0, left - now_left))  # copies add refreshes, so it may rise for a moment
            left, moved = now_left, time.monotonic()
        elif time.monotonic() - moved > STALL_SECONDS:
            raise BenchFailed(
                f"{left} articles do not come out; the system said:\n{log_tail(system.settings)}"
            )
        if left:
            time.sleep(LOOK_EVERY)
