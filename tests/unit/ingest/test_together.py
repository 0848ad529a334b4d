"""Commits of requests that arrive together become one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event, Thread

import pytest

from services.ingest.together import Together
from shared.article import RawArticle, Source
from shared.errors import Unavailable
from shared.ledger.port import Accepted, Origin


def article(name: str) -> RawArticle:
    return RawArticle(id=name, source=Source("a"), uri=name, body="x")


class Desk:
    """Commits by noting names; the first commit waits until it is let go."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.entered = Event()
        self.go = Event()
        self.error: Exception | None = None
        self.requests: dict[str, str | None] = {}

    def commit(self, articles: Sequence[RawArticle], origins: Sequence[Origin]) -> list[Accepted]:
        names = [one.id for one in articles]
        self.commits.append(names)
        self.requests |= dict(zip(names, (one.request for one in origins), strict=True))
        if len(self.commits) == 1:
            self.entered.set()
            assert self.go.wait(10)
        elif self.error:
            raise self.error
        if "poison" in names:
            raise ValueError("poison")
        return [Accepted(name, f"submission of {name}") for name in names]


def run(desk: Desk, *names: str) -> dict[str, object]:
    """Accept ``first``, and while its commit hangs all the others; outcomes by name."""
    together = Together(desk.commit)
    outcomes: dict[str, object] = {}

    def accept(name: str) -> None:
        try:
            outcomes[name] = [receipt.id for receipt in together.accept([article(name)], Origin(name))]
        except Exception as error:
            outcomes[name] = error

    threads = [Thread(target=accept, args=("first",))]
    threads[0].start()
    assert desk.entered.wait(10)
    for name in names:
        threads.append(Thread(target=accept, args=(name,)))
        threads[-1].start()
    _wait_for(lambda: len(together._waiting) == len(names))
    desk.go.set()
    for thread in threads:
        thread.join(10)
    return outcomes


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)


def test_requests_that_wait_for_a_commit_are_committed_by_the_next_one() -> None:
    desk = Desk()
    names = [f"n{number}" for number in range(6)]
    outcomes = run(desk, *names)
    assert outcomes == {name: [name] for name in ["first", *names]}
    assert [sorted(commit) for commit in desk.commits] == [["first"], names]
    assert desk.requests == {name: name for name in ["first", *names]}  # each with its own request


def test_a_request_that_breaks_the_commit_does_not_take_the_others_with_it() -> None:
    outcomes = run(Desk(), "good", "poison", "better")
    assert (outcomes["good"], outcomes["better"]) == (["good"], ["better"])
    assert isinstance(outcomes["poison"], ValueError)


def test_a_ledger_that_is_away_is_told_to_everyone_who_waits() -> None:
    desk = Desk()
    desk.error = Unavailable("disk full")
    outcomes = run(desk, "a", "b")
    assert outcomes["first"] == ["first"]
    for name in ("a", "b"):
        assert isinstance(outcomes[name], Unavailable)
        assert str(outcomes[name]) == "disk full"
    assert len(desk.commits) == 2  # nobody tried again alone


def test_a_batch_is_accepted_in_its_order() -> None:
    desk = Desk()
    desk.go.set()
    receipts = Together(desk.commit).accept([article("b"), article("a")], Origin("r"))
    assert [receipt.id for receipt in receipts] == ["b", "a"]


def test_an_error_does_not_spoil_the_next_commit() -> None:
    desk = Desk()
    desk.go.set()
    together = Together(desk.commit)
    with pytest.raises(ValueError, match="poison"):
        together.accept([article("poison")], Origin("r"))
    assert [receipt.id for receipt in together.accept([article("a")], Origin("r"))] == ["a"]
