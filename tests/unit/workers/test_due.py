"""What the sweeper does about embargoes that end and articles that expire; it is never in the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from structlog.testing import capture_logs

from services.workers.due import PAGE, turn_due
from shared.errors import Unavailable
from shared.ledger.keeping import Due
from shared.messages import Lane, Stage

NOW = 1_800_000_000_000
INDEX: tuple[tuple[Stage, Lane], ...] = (("index", "live"),)


@dataclass
class Ledger:
    """A ledger with so many articles whose time has come; it may go away after some pages."""

    waiting: int
    pages_until_away: int = 1_000
    stays: int = 0  # so many are due again at once, by some mistake
    asked: list[tuple[int, int]] = field(default_factory=list)

    def due(self, now: int, limit: int) -> Due:
        if len(self.asked) >= self.pages_until_away:
            raise Unavailable("ledger: locked")
        self.asked.append((now, limit))
        done = min(limit, self.waiting)
        self.waiting -= max(0, done - self.stays)
        return Due(done, INDEX if done else ())


@dataclass
class Waker:
    woken: list[tuple[str, str]] = field(default_factory=list)

    def wake(self, stage: Stage, lane: Lane) -> None:
        self.woken.append((stage, lane))


def run(ledger: Ledger) -> tuple[list[str], Waker, int]:
    waker, beats = Waker(), []
    said = turn_due(ledger, waker, NOW, lambda: beats.append(NOW))  # type: ignore[arg-type]
    return said, waker, len(beats)


def test_nothing_is_said_when_no_time_has_come() -> None:
    ledger = Ledger(0)
    assert run(ledger) == ([], Waker([]), 0)
    assert ledger.asked == [(NOW, PAGE)]


def test_the_index_is_woken_after_each_page_and_the_heart_beats() -> None:
    ledger = Ledger(2 * PAGE + 1)
    said, waker, beats = run(ledger)
    assert said == [f"turned {2 * PAGE + 1} whose time had come"]
    assert waker.woken == [*INDEX] * 3
    assert beats == 3
    assert ledger.waiting == 0


def test_a_page_that_was_just_full_is_no_endless_loop() -> None:
    ledger = Ledger(PAGE)
    assert run(ledger)[0] == [f"turned {PAGE} whose time had come"]
    assert len(ledger.asked) == 2


def test_a_ledger_that_goes_away_stops_no_sweep() -> None:
    ledger = Ledger(3 * PAGE, pages_until_away=1)
    with capture_logs() as logs:
        said, waker, _ = run(ledger)
    assert said == [f"turned {PAGE} whose time had come"]
    assert waker.woken == [*INDEX]
    assert [line["event"] for line in logs] == ["embargoes and expiries not looked at"]


def test_an_article_that_stays_due_does_not_hold_the_sweeper() -> None:
    ledger = Ledger(1, pages_until_away=100, stays=1)
    assert run(ledger)[0] == ["turned 1 whose time had come"]
    assert len(ledger.asked) == 1
