"""What a command says that waits while nobody works, and that it goes on when somebody does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from services.cli import replay, running, waiting, walk
from services.cli.rebuilding import Rebuilding
from services.cli.running import Wakes
from services.cli.waiting import Waiting
from shared.clock import from_ms, now_ms
from shared.ledger.port import Backlog

from .conftest import Newsdesk, raw

NOBODY = "no worker takes them, and no broker answers from here; start `copydesk up`, or the index worker"


def backlog(waiting: int, held: int = 0, put_off: int = 0) -> list[Backlog]:
    since = from_ms(now_ms()) if waiting else None
    return [Backlog("index", "replay", waiting, held, put_off, since, from_ms(now_ms()))]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def aside(work: Callable[[], object]) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(60)


@pytest.fixture
def wakes(desk: Newsdesk) -> Iterator[Wakes]:
    with Wakes(desk.settings) as made:
        yield made


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Everything that went to standard error until now."""
    parts: list[str] = []

    def look() -> str:
        parts.append(capsys.readouterr().err)
        return "".join(parts)

    return look


def test_a_rebuild_says_at_once_that_nobody_works_again_later_and_goes_on_by_itself(
    desk, wakes, said, monkeypatch
):
    monkeypatch.setattr(waiting, "AGAIN_SECONDS", 0.5)
    desk.push(raw(1), raw(2))
    build = Rebuilding(desk.ledger, desk.index, wakes, desk.settings)
    seen: list[int] = []
    since = time.monotonic()
    with aside(lambda: seen.append(build.fill())):
        until(lambda: "2 articles wait at index: " + NOBODY in said())
        assert time.monotonic() - since < 10, "a person thinks that it works"
        until(lambda: said().count(NOBODY) >= 3)
        until(lambda: desk._stage("index", "replay"))
        until(lambda: seen == [2])


def test_live_work_of_before_that_nobody_ends_is_told_of_too(desk, wakes, said):
    desk.accept(raw(1))
    for stage in ("clean", "dedupe", "tag"):
        desk._stage(stage, "live")
    build = Rebuilding(desk.ledger, desk.index, wakes, desk.settings)
    with aside(build.fill):
        until(lambda: "1 article waits at index: no worker takes" in said())
        until(lambda: desk._stage("index", "live"))


def test_a_replay_that_waits_for_room_says_that_nobody_works(desk, said, monkeypatch):
    for module in (replay, walk):
        monkeypatch.setattr(module, "PAGE", 2)
    monkeypatch.setattr(replay, "MOST_WAITING", 5)
    desk.push(*(raw(number) for number in range(1, 8)))
    told: list[running.Wakes] = []

    def work() -> None:
        with Wakes(desk.settings) as wakes:
            desk.ledger.refresh(0, 7, now_ms(), [raw(number).id for number in range(1, 8)])
            replay.wait_for_room(desk.ledger, wakes, "index")
            told.append(wakes)

    with aside(work):
        until(lambda: "7 articles wait at index: " + NOBODY in said())
        assert not told
        until(lambda: desk._stage("index", "replay"))
        until(lambda: len(told) == 1)


@pytest.mark.parametrize(
    "entries", [backlog(3, held=1), backlog(0, put_off=2), []], ids=("held", "put off", "none")
)
def test_what_is_in_work_or_put_off_is_waited_for_in_silence(wakes, said, monkeypatch, entries):
    monkeypatch.setattr(waiting, "SOON_SECONDS", 0.0)
    wait = Waiting(wakes)
    wait.look(entries)
    wait.look(entries)
    assert said() == ""


def test_what_gets_fewer_is_waited_for_in_silence_and_what_gets_more_is_not(wakes, said, monkeypatch):
    monkeypatch.setattr(waiting, "SOON_SECONDS", 0.2)
    wait = Waiting(wakes)
    for left in (30, 20, 10):
        wait.look(backlog(left))
        time.sleep(0.15)
    assert said() == ""
    for left in (11, 12, 13):
        wait.look(backlog(left))
        time.sleep(0.15)
    assert "articles wait at index" in said()
    wait.look(backlog(12, held=1))
    assert said().endswith("a worker took it up; going on\n")


class Woken:
    def __init__(self) -> None:
        self.woken: list[tuple[str, str]] = []

    def wake(self, stage: str, lane: str) -> None:
        self.woken.append((stage, lane))

    def close(self) -> None: ...


def test_a_broker_that_comes_later_is_found(desk, monkeypatch):
    found = Woken()
    answers: list[Woken | None] = [None, None, found]
    monkeypatch.setattr(running, "_reach", lambda _settings: answers.pop(0))
    monkeypatch.setattr(running, "RETRY_SECONDS", 0.0)
    with Wakes(desk.settings) as wakes:
        for reach in (False, False, True, True):
            wakes.wake(("index", "replay"))
            assert wakes.reach is reach
    assert found.woken == [("index", "replay")] * 2


def test_a_broker_that_does_not_answer_is_not_asked_at_every_wake_up(desk, monkeypatch):
    tries: list[object] = []
    monkeypatch.setattr(running, "_reach", tries.append)
    with Wakes(desk.settings) as wakes:
        for _ in range(50):
            wakes.wake(("index", "replay"))
        assert len(tries) == 1
    assert len(tries) == 2, "and once more as the command ends"


def test_a_broker_that_comes_as_the_command_ends_gets_what_could_not_be_sent(desk, monkeypatch, capsys):
    found = Woken()
    monkeypatch.setattr(running, "_reach", lambda _settings: None)
    with Wakes(desk.settings) as wakes:
        wakes.wake(("index", "replay"), ("clean", "live"))
        monkeypatch.setattr(running, "_reach", lambda _settings: found)
    assert found.woken == [("clean", "live"), ("index", "replay")]
    assert capsys.readouterr().out == ""
