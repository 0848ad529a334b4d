"""When a worker that was asked to end cuts what runs, and how its children hear of it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from typing import Any

import pytest

from services.workers.stopping import Ending, Stop


def wait_for(ending: Ending, began: Any, answers: Any) -> None:
    answers.put(bool(ending))
    began.wait(30)
    answers.put(bool(ending))


def test_a_child_that_was_forked_before_hears_that_its_worker_ends() -> None:
    ending, context = Ending(), multiprocessing.get_context("fork")
    began, answers = context.Event(), context.Queue()
    child = context.Process(target=wait_for, args=(ending, began, answers))
    child.start()
    assert answers.get(timeout=30) is False
    ending.begin()
    began.set()
    assert answers.get(timeout=30) is True
    child.join(30)
    answers.close()
    answers.join_thread()


@pytest.mark.parametrize(("grace", "cut"), [(35, 31), (8, 4), (4, 2), (1, 0.5)])
def test_what_runs_is_cut_early_enough_for_a_busy_machine(grace: float, cut: float) -> None:
    stop = Stop(grace, list, lambda tasks: None)
    assert stop.seconds_to_cut() == cut


def hang_after_being_asked(ready: Any) -> None:
    stop = Stop(1.0, lambda: time.sleep(3_600) or [], lambda tasks: None)  # type: ignore[func-returns-value]
    stop.watch()
    signal.signal(signal.SIGTERM, lambda *_: stop.ask())
    ready.set()
    while True:
        time.sleep(60)


def test_a_process_whose_own_end_hangs_is_ended_by_the_kernel_within_the_grace() -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    child = context.Process(target=hang_after_being_asked, args=(ready,))
    child.start()
    assert ready.wait(30)
    os.kill(child.pid or 0, signal.SIGTERM)
    child.join(30)
    found = child.exitcode
    child.kill()  # where it did not end
    child.join()
    assert found == -signal.SIGALRM
