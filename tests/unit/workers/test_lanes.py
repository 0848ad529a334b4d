"""The place that one child of a worker holds while replay runs beside live news, and its rest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.workers.lanes import (
    REST,
    REST_LEAST_SECONDS,
    REST_MOST_SECONDS,
    TURN_SECONDS,
    ReplaySlot,
)

# What another child of the worker reads in the file that both have.
READ = "import os, struct, sys; print(struct.unpack('=d', os.pread(int(sys.argv[1]), 8, 0))[0])"
# What a child does that was forked with the open file, and then hangs.
HOLD = """
import fcntl, sys, time
fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)
print("held", flush=True)
time.sleep(60)
"""


class Clock:
    """A clock that goes only as it is told."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slot(clock: Clock) -> Iterator[ReplaySlot]:
    made = ReplaySlot(clock)
    yield made
    made.close()


def start_holder(slot: ReplaySlot) -> subprocess.Popen[str]:
    number = slot._file.fileno()
    argv = [sys.executable, "-I", "-S", "-c", HOLD, str(number)]
    holder = subprocess.Popen(argv, pass_fds=(number,), stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def end(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate()


def test_only_one_process_holds_the_place_and_its_death_frees_it(slot: ReplaySlot) -> None:
    holder = start_holder(slot)
    assert slot.take() == TURN_SECONDS
    end(holder)
    assert slot.take() == 0


def test_a_place_that_was_given_up_can_be_taken_by_another(slot: ReplaySlot) -> None:
    assert slot.take() == 0
    slot.give()
    end(start_holder(slot))


@pytest.mark.parametrize(
    ("held", "rest"), [(0.01, REST_LEAST_SECONDS), (0.5, 0.5 * REST), (600.0, REST_MOST_SECONDS)]
)
def test_a_place_that_was_given_up_rests_longer_than_it_was_held_within_bounds(
    slot: ReplaySlot, clock: Clock, held: float, rest: float
) -> None:
    assert slot.take() == 0
    clock.now += held
    slot.give()
    clock.now += rest - 0.125
    assert slot.take() == pytest.approx(0.125)
    end(start_holder(slot))  # who may not take it does not hold it either
    clock.now += 0.126
    assert slot.take() == 0


def test_the_rest_stands_where_every_child_reads_it(slot: ReplaySlot, clock: Clock) -> None:
    assert slot.take() == 0
    slot.give()
    number = slot._file.fileno()
    argv = [sys.executable, "-I", "-S", "-c", READ, str(number)]
    told = subprocess.run(argv, pass_fds=(number,), capture_output=True, text=True, check=True).stdout
    assert float(told) == pytest.approx(clock.now + REST_LEAST_SECONDS)
