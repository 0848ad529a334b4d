"""How much a replay of the past delays live news: `python -m bench.replay`.

Loads some articles, then pushes others at a steady rate: first alone, then while the first are replayed from
clean, then alone again. Prints the time from acceptance to indexed, as the ledger's journey has it, and the
ratio of the two p95s.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import click

from bench.articles import make_articles
from bench.client import Connection
from bench.flow import push_bulk, wait_until_done
from bench.numbers import Spread, spread
from bench.pages import push_line
from bench.system import BenchFailed, System, own_settings, running
from services.cli.system import with_broker
from shared.clock import now_ms
from shared.ledger.keeping import ReplaySpec
from shared.ledger.open import open_ledger
from shared.ledger.port import Ledger
from shared.queue import Waker

SEED = 20_260
PAGE = 500
LONGEST = 600.0  # seconds for a replay; beyond, something is wrong
PATIENCE = 60.0  # seconds for the last live articles


@click.command()
@click.option("--past", default=3_000, show_default=True, help="Articles to replay.")
@click.option("--rate", default=20.0, show_default=True, help="Live articles a second.")
@click.option("--seconds", default=20.0, show_default=True, help="How long to push without a replay.")
def main(past: int, rate: float, seconds: float) -> None:
    """Measure live news without and with a replay beside it."""
    with tempfile.TemporaryDirectory(prefix="copydesk-bench-") as folder:
        settings = own_settings(Path(folder))
        with running(settings) as system:
            ledger = open_ledger(settings)
            try:
                _measure(system, ledger, past, rate, seconds)
            finally:
                ledger.close()


def _measure(system: System, ledger: Ledger, past: int, rate: float, seconds: float) -> None:
    port = system.settings.ingest_port
    push_bulk(port, [push_line(draft) for draft in make_articles(SEED, 0, past)])
    wait_until_done(system, past)
    live = (push_line(draft) for draft in make_articles(SEED, 1_000_000, 1_000_000))
    _push(port, live, rate, lambda began: time.monotonic() - began < seconds / 2)  # warms up
    before = _times(ledger, _push(port, live, rate, lambda began: time.monotonic() - began < seconds))
    _say("live alone", before)
    replayed = _replay(system, ledger)
    began = time.monotonic()
    ids = _push(port, live, rate, lambda began: _is_replaying(ledger, began))
    took = time.monotonic() - began
    beside = _times(ledger, ids)
    _say(f"beside a replay of {replayed} in {took:.1f} s", beside)
    after = _times(ledger, _push(port, live, rate, lambda began: time.monotonic() - began < seconds))
    _say("alone again", after)
    alone = (before.p95 + after.p95) / 2
    print(f"ratio of the p95s: {beside.p95 / alone:.2f}")


def _push(port: int, lines: Iterator[bytes], rate: float, go_on: Callable[[float], bool]) -> list[str]:
    """Push at a steady rate for as long as ``go_on`` says, given when it began; returns the ids."""
    ids: list[str] = []
    began = time.monotonic()
    with Connection(port) as connection:
        while go_on(began):
            for line in (next(lines) for _ in range(10)):
                time.sleep(max(0.0, began + len(ids) / rate - time.monotonic()))
                ids.append(connection.push(line))
    return ids


def _replay(system: System, ledger: Ledger) -> int:
    """Put everything that was indexed so far back to clean; returns how many."""
    spec, total = ReplaySpec("clean"), 0
    after: int | None = 0
    waker = Waker(with_broker(system.settings))
    while after is not None:
        page = ledger.replay(spec, after, PAGE, now_ms())
        total, after = total + page.changed, page.next
        waker.wake("clean", "replay")
    waker.close()
    return total


def _is_replaying(ledger: Ledger, began: float) -> bool:
    if time.monotonic() - began > LONGEST:
        raise BenchFailed(f"the replay had not ended after {LONGEST:g} s")
    return any(entry.lane == "replay" for entry in ledger.backlog(now_ms()))


def _times(ledger: Ledger, ids: list[str]) -> Spread:
    """Milliseconds from acceptance to indexed of each article, copies too.

    The first time counts: a lead is written again whenever a copy joins it, long after.
    """
    deadline = time.monotonic() + PATIENCE
    times = []
    for article_id in ids:
        while (took := _first_indexed(ledger, article_id)) is None:
            if time.monotonic() > deadline:
                raise BenchFailed(f"article {article_id} was not indexed in {PATIENCE:g} s")
            time.sleep(0.05)
        times.append(took)
    return spread(times)


def _first_indexed(ledger: Ledger, article_id: str) -> float | None:
    first: dict[str, datetime] = {}
    for step in ledger.journey(article_id):
        first.setdefault(step.word, step.at)
    if "indexed" not in first:
        return None
    return (first["indexed"] - first["accepted"]).total_seconds() * 1000


def _say(what: str, times: Spread) -> None:
    told = f"p50 {times.p50:.0f} ms, p95 {times.p95:.0f} ms, longest {times.most:.0f} ms"
    print(f"{what}: {told} ({times.count} articles)")


if __name__ == "__main__":
    main()
