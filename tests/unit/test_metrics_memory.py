"""Numbers that several processes add to: each in a row of its own, and none lost with the process."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator

import pytest

from shared.metrics_memory import NAME_BYTES, SharedHistogram, SharedNames, SharedNumbers


@pytest.fixture
def numbers() -> Iterator[SharedNumbers]:
    made = SharedNumbers(4, rows=4)
    yield made
    made.close()


def forked(work: Callable[[], None]) -> int:
    """Run something in a child, which then waits to be killed; returns its pid once that is done."""
    ear, mouth = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child below starts and locks nothing
        pid = os.fork()
    if pid == 0:
        try:
            work()
            os.write(mouth, b"x")
            time.sleep(60)
        finally:
            os._exit(1)
    os.close(mouth)
    said = os.read(ear, 1)
    os.close(ear)
    assert said == b"x", "the child failed"
    return pid


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def adding(numbers: SharedNumbers, times: int) -> Callable[[], None]:
    def work() -> None:
        numbers.begin()
        for _ in range(times):
            numbers.add(2)

    return work


def test_what_children_add_is_summed_with_what_the_parent_adds(numbers: SharedNumbers) -> None:
    pids = [forked(adding(numbers, 1_000)) for _ in range(3)]
    numbers.add(2, 0.5)
    kill(*pids)
    assert [numbers.total(place) for place in range(4)] == [0, 0, 3_000.5, 0]


def test_children_that_count_at_the_same_time_lose_nothing() -> None:
    numbers = SharedNumbers(4, rows=4)
    gate_ear, gate_mouth = os.pipe()

    def work() -> None:
        numbers.begin()
        os.read(gate_ear, 1)
        for _ in range(300_000):
            numbers.add(2)

    ear, mouth = os.pipe()
    pids = []
    for _ in range(3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            try:
                work()
                os.write(mouth, b"x")
            finally:
                os._exit(0)
        pids.append(pid)
    os.write(gate_mouth, b"xxx")
    for pid in pids:
        os.waitpid(pid, 0)
    for end in (ear, mouth, gate_ear, gate_mouth):
        os.close(end)
    assert numbers.total(2) == 900_000
    numbers.close()


def test_a_child_that_is_killed_loses_nothing_and_who_follows_it_goes_on_in_its_row(
    numbers: SharedNumbers,
) -> None:
    for round_ in range(10):  # far more children than rows
        kill(forked(adding(numbers, 5)))
        assert numbers.total(2) == 5 * (round_ + 1)


def test_two_living_children_never_share_a_row_while_there_are_some(numbers: SharedNumbers) -> None:
    rows = [forked(adding(numbers, each)) for each in (1, 10, 100)]
    width = 4
    assert sorted(numbers._memory[2::width].tolist()) == [0, 1, 10, 100]
    kill(*rows)


def test_more_children_than_rows_still_count(numbers: SharedNumbers) -> None:
    pids = [forked(adding(numbers, 10)) for _ in range(5)]
    kill(*pids)
    assert numbers.total(2) == 50  # they came one after the other


def test_a_histogram_counts_each_value_in_the_first_bucket_that_holds_it(numbers: SharedNumbers) -> None:
    wide = SharedNumbers(SharedHistogram.width((1.0, 5.0)), rows=2)
    histogram = SharedHistogram(wide, 0, (1.0, 5.0))
    for value in (0, 1, 1.5, 5, 7):
        histogram.observe(value)
    histogram.observe(2, times=3)
    assert histogram.buckets() == [("1.0", 2), ("5.0", 7), ("+Inf", 8)]
    assert histogram.sum() == 20.5
    wide.close()


def test_a_name_has_one_place_in_all_processes() -> None:
    names = SharedNames(3)
    assert names.place("a.example") == 0
    kill(forked(lambda: (names.place("b.example"), None)[1]))
    assert names.all() == ["a.example", "b.example"]
    assert [names.place(name) for name in ("c.example", "b.example", "a.example")] == [2, 1, 0]
    assert names.place("d.example") is None
    assert names.all() == ["a.example", "b.example", "c.example"]
    names.close()


@pytest.mark.parametrize("name", ["", "x" * (NAME_BYTES + 1), "ü" * NAME_BYTES])
def test_a_name_that_does_not_fit_has_no_place(name: str) -> None:
    names = SharedNames(3)
    assert names.place(name) is None
    assert names.all() == []
    assert names.place("ü" * (NAME_BYTES // 2)) == 0
    assert names.all() == ["ü" * (NAME_BYTES // 2)]
    names.close()
