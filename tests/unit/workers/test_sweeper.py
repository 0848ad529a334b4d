"""The sweeper's turns: whom it wakes and how loudly, and when it beats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from structlog.testing import capture_logs

from services.workers.sweeper import Oldest, sweep
from shared.clock import from_ms
from shared.ledger.port import Backlog

NOW = 1_800_000_000_000


@dataclass
class Ledger:
    """A ledger whose one stage waits, and whose fingerprints fill some pages."""

    oldest: int = NOW - 60_000
    pages: int = 0

    def backlog(self, now: int) -> list[Backlog]:
        since = from_ms(self.oldest)
        return [Backlog("tag", "live", 7, 0, 0, oldest_since=since, oldest_accepted=since)]

    def fingerprints(self, since: int, after: int, limit: int) -> list[tuple[int, str, str]]:
        return [(after + 1, "0" * 32, "a")] if after < self.pages else []


@dataclass
class Fingerprints:
    ready: bool = True
    loaded: list[Any] = field(default_factory=list)

    def is_ready(self) -> bool:
        return self.ready

    def load(self, claims: list[Any]) -> None:
        self.loaded += claims

    def mark_ready(self) -> None:
        self.ready = True


@dataclass
class Waker:
    woken: list[tuple[str, str]] = field(default_factory=list)

    def wake(self, stage: str, lane: str) -> None:
        self.woken.append((stage, lane))


def levels(ledger: Ledger, oldest: Oldest, now: int) -> list[str]:
    """The levels of "stage woken" in one turn."""
    with capture_logs() as events:
        waker = Waker()
        sweep(ledger, Fingerprints(), waker, 10, now, oldest=oldest)  # type: ignore[arg-type]
    assert len(waker.woken) == len(events)
    return [event["log_level"] for event in events]


def test_a_busy_stage_is_woken_quietly_and_one_that_stands_still_with_a_warning() -> None:
    ledger, oldest = Ledger(), Oldest()
    assert levels(ledger, oldest, NOW) == ["info"]
    ledger.oldest += 5_000
    assert levels(ledger, oldest, NOW + 5_000) == ["info"]
    assert levels(ledger, oldest, NOW + 10_000) == ["warning"]
    ledger.oldest = NOW + 14_000
    assert levels(ledger, oldest, NOW + 15_000) == []
    assert oldest == {}


def test_each_page_of_a_long_rebuild_beats_so_that_it_does_not_count_as_hung() -> None:
    beats: list[int] = []
    ledger, fingerprints = Ledger(pages=5), Fingerprints(ready=False)
    said = sweep(
        ledger, fingerprints, Waker(), 3_600, NOW, beat=lambda: beats.append(len(fingerprints.loaded))  # type: ignore[arg-type]
    )  # fmt: skip
    assert said == "put back 5 fingerprints"
    assert beats == [0, 1, 2, 3, 4, 5, 5]
