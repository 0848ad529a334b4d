"""One look a second at what a service stands on, however many ask, and the truth within two."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.errors import Unavailable
from shared.readiness import FRESH_SECONDS, NOT_YET, OVERDUE_SECONDS, Readiness


class Part:
    """A part that counts how often it is asked, can be away, and can hang."""

    def __init__(self) -> None:
        self.asked = 0
        self.entered = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.error: Exception | None = None

    def check(self) -> None:
        self.asked += 1
        self.entered.set()
        assert self.go.wait(30)
        if self.error is not None:
            raise self.error


class World:
    """A readiness over two parts, with a clock that stands until it is set on."""

    def __init__(self) -> None:
        self.ledger, self.broker = Part(), Part()
        self.seconds = 1_000.0
        checks = {"ledger": self.ledger.check, "broker": self.broker.check}
        self.readiness = Readiness(checks, ("broker",), lambda: self.seconds)

    def hang(self, part: Part) -> threading.Thread:
        """Somebody who looks, and whom ``part`` holds."""
        part.go.clear()
        part.entered.clear()
        looker = threading.Thread(target=self.readiness.look)
        looker.start()
        assert part.entered.wait(10)
        return looker


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.ledger.go.set()
    made.broker.go.set()


GOOD = {"ledger": None, "broker": None}


def test_for_a_second_one_answer_does_for_all(world: World) -> None:
    for _ in range(100):
        assert world.readiness.look() == GOOD
    world.seconds += FRESH_SECONDS * 0.9
    assert world.readiness.look() == GOOD
    assert (world.ledger.asked, world.broker.asked) == (1, 1)
    world.seconds += FRESH_SECONDS * 0.2
    world.readiness.look()
    assert (world.ledger.asked, world.broker.asked) == (2, 2)


def test_what_goes_away_and_comes_back_is_told_when_the_second_is_over(world: World) -> None:
    assert world.readiness.status(world.readiness.look()) == "ready"
    world.ledger.error = Unavailable("gone")
    world.broker.error = ValueError("redis://user:password@host")
    world.seconds += FRESH_SECONDS
    found = world.readiness.look()
    assert found == {"ledger": "gone", "broker": "ValueError"}
    assert world.readiness.status(found) == "unavailable"
    world.ledger.error = None
    world.seconds += FRESH_SECONDS
    assert world.readiness.status(world.readiness.look()) == "degraded"


def test_while_one_looks_the_others_get_the_last_answer_at_once(world: World) -> None:
    world.readiness.look()
    world.seconds += FRESH_SECONDS
    looker = world.hang(world.ledger)
    begun = time.monotonic()
    for _ in range(100):
        assert world.readiness.look() == GOOD
    assert time.monotonic() - begun < 5
    assert (world.ledger.asked, world.broker.asked) == (2, 1)
    world.ledger.go.set()
    looker.join()


def test_a_part_that_hangs_has_failed_within_two_seconds_and_nobody_else_waits_for_it(world: World) -> None:
    world.readiness.look()
    world.seconds += FRESH_SECONDS
    looker = world.hang(world.broker)
    world.seconds += OVERDUE_SECONDS
    found = world.readiness.look()
    assert found == {"ledger": None, "broker": f"has not answered for {OVERDUE_SECONDS} s"}
    assert world.readiness.status(found) == "degraded"
    assert world.ledger.asked == 2
    world.broker.go.set()
    looker.join()
    assert world.readiness.look() == GOOD


def test_whoever_comes_after_a_quiet_time_waits_for_the_look_and_not_for_one_that_hangs(
    world: World,
) -> None:
    looker = world.hang(world.ledger)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(world.readiness.look) for _ in range(8)]
        world.ledger.go.set()
        looker.join()
        assert [one.result(10) for one in waiting] == [GOOD] * 8
    world.seconds += 100
    world.ledger.error = Unavailable("gone")
    looker = world.hang(world.ledger)
    told = world.readiness.look()  # and not what was so a hundred seconds ago
    assert told["ledger"] is not None
    assert told["ledger"].startswith("has not answered for")
    world.ledger.go.set()
    looker.join()


def test_what_was_never_looked_at_is_not_said_to_be_well(world: World) -> None:
    looker = world.hang(world.ledger)
    world.seconds += OVERDUE_SECONDS
    found = world.readiness.look()
    assert found["broker"] == NOT_YET
    assert world.readiness.status(found) == "unavailable"
    world.ledger.go.set()
    looker.join()


def test_a_service_without_checks_is_ready() -> None:
    readiness = Readiness({})
    assert readiness.status(readiness.look()) == "ready"


def test_what_a_long_look_asked_first_is_as_old_as_it_is(world: World) -> None:
    world.readiness.look()
    world.seconds += FRESH_SECONDS
    slow = world.hang(world.broker)  # the ledger has been asked, and was well
    world.ledger.error = Unavailable("gone")
    world.seconds += 5.0
    world.broker.go.set()
    slow.join(10)
    looker = world.hang(world.broker)  # a new look, which knows better
    world.seconds += FRESH_SECONDS / 3
    assert world.readiness.look()["ledger"] == "gone"
    world.broker.go.set()
    looker.join(10)
