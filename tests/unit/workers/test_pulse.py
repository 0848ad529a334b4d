"""The heartbeat's rules: which limit holds for whom, when a pool is stuck, when a process ends itself."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.workers import pulse
from shared.settings import Settings


@dataclass
class Request:
    id: str
    time_start: float | None = None


def test_a_sweeper_may_be_silent_for_four_sweeps_and_never_less_than_the_others() -> None:
    seldom, often = Settings(sweep_seconds=30), Settings(sweep_seconds=1)
    assert pulse.silent_limit(seldom, sweeps=True) == 120
    assert pulse.silent_limit(often, sweeps=True) == pulse.SILENCE_SECONDS
    assert pulse.silent_limit(seldom, sweeps=False) == pulse.SILENCE_SECONDS


def test_a_request_that_no_child_accepts_makes_the_pool_stuck_after_the_time_limit() -> None:
    reception = pulse.Reception(task_time_limit=30)
    waiting = Request("a")
    assert not reception.is_stuck([waiting], 100.0)
    assert not reception.is_stuck([waiting], 130.0 + pulse.ACCEPT_SECONDS)
    assert reception.is_stuck([waiting], 131.0 + pulse.ACCEPT_SECONDS)
    waiting.time_start = 131.5
    assert not reception.is_stuck([waiting], 132.0 + pulse.ACCEPT_SECONDS)


def test_requests_that_come_and_go_never_make_the_pool_stuck() -> None:
    reception = pulse.Reception(task_time_limit=30)
    assert not any(reception.is_stuck([Request(f"{now // 30}")], float(now)) for now in range(0, 600, 2))
    assert not reception.is_stuck([], 700.0)


def test_a_beat_touches_the_file_that_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(pulse.VARIABLE, str(tmp_path / "beat"))
    pulse.beat()
    assert (tmp_path / "beat").exists()
    monkeypatch.setenv(pulse.VARIABLE, str(tmp_path / "missing" / "beat"))
    pulse.beat()
    assert not (tmp_path / "missing").exists()


def test_the_watch_ends_the_process_once_the_file_stands_still_whatever_its_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.05)
    path, ended = tmp_path / "beat", threading.Event()
    path.touch()
    os.utime(path, (1, 1))  # a clock that was set back or forth is no silence
    pulse.watch(path, 0.5, lambda _: ended.set())
    for _ in range(20):
        path.touch()
        time.sleep(0.05)
        assert not ended.is_set()
    assert ended.wait(5)
