"""The place that one child of a worker holds while replay runs beside live news."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.workers.lanes import ReplaySlot

# What a child does that was forked with the open file, and then hangs.
HOLD = """
import fcntl, sys, time
fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def slot() -> Iterator[ReplaySlot]:
    made = ReplaySlot()
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
    assert not slot.take()
    end(holder)
    assert slot.take()


def test_a_place_that_was_given_up_can_be_taken_by_another(slot: ReplaySlot) -> None:
    assert slot.take()
    slot.give()
    end(start_holder(slot))
