"""The runner of one stage: when it tries, waits, gives way, and what it owes after a ledger outage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.workers import runner as module
from services.workers.lanes import ReplaySlot
from services.workers.runner import StageFailed, StageRunner
from services.workers.stopping import Ending
from shared.errors import IndexMissing, Unavailable
from shared.ledger.port import Claim, Committed, Origin, Outcome, Work
from shared.log import name_fault
from shared.settings import Settings


@dataclass
class Ledger:
    waiting: int = 3
    away: bool = False
    claims: list[tuple[str, int]] = field(default_factory=list)
    commits: list[Any] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    convicted: list[str] = field(default_factory=list)
    request: Callable[[int], str | None] = "r{}".format

    def claim(
        self, stage: Any, lane: Any, limit: int, worker: str, now: int, token: str, told: list[str]
    ) -> Claim | None:
        if self.away:
            raise Unavailable("ledger: away")
        self.claims.append((lane, limit))
        told += self.convicted
        works = tuple(
            Work(number, f"s{number}", f"a{number}", 0, origin=Origin(self.request(number)))
            for number in range(self.waiting)
        )
        return Claim(stage, lane, token, works, self.waiting == limit) if works else None

    def commit(self, claim: Claim, outcomes: Any, next_stage: Any, worker: str, now: int) -> Committed:
        if self.away:
            raise Unavailable("ledger: away")
        self.commits.append(outcomes)
        deferred = all(outcome.word == "deferred" for outcome in outcomes)
        wake = ((claim.stage, claim.lane),) if deferred else ()
        return Committed({outcomes[0].word: len(outcomes)}, wake)  # type: ignore[arg-type]

    def release(self, token: str, now: int, **_: Any) -> int:
        if self.away:
            raise Unavailable("ledger: away")
        self.released.append(token)
        return 1

    def renew(self, token: str, now: int) -> bool:
        return True


@dataclass
class Waker:
    live: bool = False
    woken: list[tuple[str, str, float]] = field(default_factory=list)

    def started(self, stage: str, lane: str) -> None:
        pass

    def live_lately(self) -> bool:
        return self.live

    def wake(
        self, stage: str, lane: str, ids: Any = (), *, delay: float = 0.0, at_once: bool = False
    ) -> None:
        self.woken.append((stage, lane, delay))


class Desk:
    """A runner at stage tag on fakes; ``answer`` is what the stage does with a batch."""

    def __init__(self, slot: ReplaySlot | None = None, ending: Ending | None = None) -> None:
        self.ledger, self.waker = Ledger(), Waker()
        settings = Settings(broker_url="redis://127.0.0.1:1")
        parts: Any = SimpleNamespace(
            ledger=self.ledger, waker=self.waker, settings=settings, worker="test", tracing=None
        )
        self.runner = StageRunner("tag", parts, slot, ending)
        self.error: Exception | None = None
        self.word, self.reason = "tagged", "why"
        self.runner._step = self._step  # type: ignore[method-assign, assignment]

    def _step(self, works: Any) -> list[Outcome]:
        if self.error is not None:
            raise self.error
        return [Outcome(work.sequence, self.word, self.reason) for work in works]  # type: ignore[arg-type]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def slot() -> Iterator[ReplaySlot]:
    made = ReplaySlot()
    yield made
    made.close()


def test_a_missing_index_is_tried_once_in_ten_seconds_whatever_wakes_the_stage(desk: Desk) -> None:
    desk.error = IndexMissing("no alias copydesk-articles")
    with capture_logs() as events:
        answers = [desk.runner.run("live", "t") for _ in range(50)]
    assert len(desk.ledger.claims) == 1
    assert [outcome.word for outcome in desk.ledger.commits[0]] == ["deferred"] * 3
    assert [event["log_level"] for event in events] == ["error"]
    assert answers[0] == "3 deferred"
    assert answers[1].startswith("waits another ")
    assert answers[1].endswith("no alias copydesk-articles")
    assert desk.runner.held_up == "no alias copydesk-articles"
    assert all(9 < delay <= 10 for _, _, delay in desk.waker.woken)


def test_a_stage_goes_on_after_trouble_and_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.error = Unavailable("engine away")
    desk.runner.run("live", "t")
    monkeypatch.setattr(desk.runner._calm, "_until", 0.0)
    desk.error = None
    with capture_logs() as events:
        assert desk.runner.run("live", "t") == "3 tagged"
    assert desk.runner.held_up is None
    told = [event["event"] for event in events if event["log_level"] != "debug"]
    assert told == ["stage goes on", "batch done"]


def test_an_engine_that_puts_off_every_item_counts_as_away(desk: Desk) -> None:
    desk.word = "deferred"
    desk.runner.run("live", "t")
    assert desk.runner.held_up == "why"
    assert desk.runner.run("live", "t").startswith("waits another ")
    assert desk.runner.held_up == "why"


def test_a_ledger_that_is_away_makes_the_stage_wait_and_fails_no_task(desk: Desk) -> None:
    desk.ledger.away = True
    assert desk.runner.run("live", "t") == "waits another 1.0 s: ledger: away"
    assert desk.waker.woken[0][2] > 0.9
    assert desk.runner.held_up == "ledger: away"


def test_what_could_not_be_committed_is_given_back_without_blame_when_the_ledger_is_there_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COMMIT_PAUSES", (0.0, 0.0))
    step = desk.runner._step

    def lose_the_ledger(works: Any) -> list[Outcome]:
        desk.ledger.away = True
        return step(works)

    desk.runner._step = lose_the_ledger  # type: ignore[method-assign]
    assert "ledger: away" in desk.runner.run("live", "first")
    desk.runner._step = step  # type: ignore[method-assign]
    monkeypatch.setattr(desk.runner._calm, "_until", 0.0)
    desk.ledger.away = False
    assert desk.runner.run("live", "second") == "3 tagged"
    assert desk.ledger.released == ["first"]


def test_an_unknown_lane_is_left_to_those_who_know_it(desk: Desk) -> None:
    with capture_logs() as events:
        assert desk.runner.run("archive", "t") == "knows no such lane"  # type: ignore[arg-type]
    assert [event["log_level"] for event in events] == ["warning"]
    assert desk.ledger.claims == []


def test_replay_takes_small_batches_beside_live_news_and_large_ones_alone(slot: ReplaySlot) -> None:
    desk = Desk(slot)
    desk.ledger.waiting = 1
    desk.runner._size.learn(1, 0.01)
    desk.runner.run("replay", "t")
    desk.waker.live = True
    desk.runner._size._seconds_each = 0.01
    desk.runner.run("replay", "t")
    desk.runner._size._seconds_each = 0.01
    desk.runner.run("live", "t")
    (_, alone), (_, beside), (_, live) = desk.ledger.claims
    assert (alone, beside, live) == (200, 10, 200)


@pytest.mark.parametrize(("seconds_each", "taken"), [(0.001, 100), (0.02, 8), (0.045, 8), (0.1, 5), (0.4, 1)])
def test_on_a_busy_machine_replay_takes_some_articles_and_no_more_than_half_a_second_of_them(
    slot: ReplaySlot, seconds_each: float, taken: int
) -> None:
    desk = Desk(slot)
    desk.waker.live = True
    desk.runner._size._seconds_each = seconds_each
    desk.runner.run("replay", "t")
    assert desk.ledger.claims == [("replay", taken)]


def test_replay_that_gives_way_wakes_itself_only_after_its_batch_and_a_rest(slot: ReplaySlot) -> None:
    desk = Desk(slot)
    desk.waker.live, desk.ledger.waiting = True, module.REPLAY_LEAST
    assert desk.runner.run("replay", "t") == "8 tagged"
    assert desk.ledger.claims == [("replay", module.REPLAY_LEAST)]  # nothing is known of the stage yet
    assert desk.waker.woken == [("tag", "replay", module.REST_LEAST_SECONDS)]


def test_replay_asks_again_when_its_place_has_rested_and_claims_nothing_before(slot: ReplaySlot) -> None:
    desk = Desk(slot)
    desk.waker.live, desk.ledger.waiting = True, 1
    assert desk.runner.run("replay", "t") == "1 tagged"
    desk.waker.woken.clear()
    assert desk.runner.run("replay", "t") == "gives way to live news"
    assert len(desk.ledger.claims) == 1
    ((stage, lane, delay),) = desk.waker.woken
    assert (stage, lane) == ("tag", "replay")
    assert 0 < delay <= module.REST_LEAST_SECONDS


def test_a_worker_that_ends_claims_nothing_more_and_leaves_a_call_for_others() -> None:
    ending = Ending()
    desk = Desk(ending=ending)
    assert desk.runner.run("live", "t") == "3 tagged"
    desk.waker.woken.clear()
    ending.begin()
    assert desk.runner.run("live", "t") == "left to others, since this worker ends"
    assert desk.runner.held_up is None
    assert len(desk.ledger.claims) == 1
    assert desk.waker.woken == [("tag", "live", 0.0)]


def test_an_article_that_failed_is_told_with_its_request_and_without_its_words(desk: Desk) -> None:
    desk.ledger.waiting, desk.word, desk.reason = 1, "failed", "ValueError: The mayor of Port Selby"
    with capture_logs() as events, pytest.raises(StageFailed) as failure:
        desk.runner.run("live", "t")
    [told] = [event for event in events if event["event"] == "article taken"]
    assert told["log_level"] == "warning"
    assert (told["article"], told["submission"], told["request_id"]) == ("a0", "s0", "r0")
    assert "Selby" not in f"{events} {name_fault(failure.value)}"


def test_what_the_index_refuses_for_ever_is_no_success(desk: Desk) -> None:
    desk.word = "quarantined"
    with pytest.raises(StageFailed, match=r"^3 quarantined; first: why$"):
        desk.runner.run("live", "t")
    assert len(desk.ledger.commits) == 1


@pytest.mark.parametrize("waiting", [0, 3])
def test_a_claim_that_quarantines_what_killed_whole_workers_is_no_success(desk: Desk, waiting: int) -> None:
    desk.ledger.convicted, desk.ledger.waiting = ["its worker died"], waiting
    rest = "3 tagged" if waiting else "nothing waits"
    with pytest.raises(StageFailed, match=rf"^1 quarantined as claimed, {rest}; first: its worker died$"):
        desk.runner.run("live", "t")
    assert len(desk.ledger.commits) == bool(waiting)
    desk.ledger.convicted, desk.ledger.waiting = [], 0
    assert desk.runner.run("live", "t") == "nothing waits"


def test_a_long_reason_is_cut_in_flower_and_a_batch_tells_its_first(desk: Desk) -> None:
    desk.ledger.convicted, desk.ledger.waiting = ["x" * 5_000, "second"], 0
    with pytest.raises(StageFailed) as caught:
        desk.runner.run("live", "t")
    assert len(str(caught.value)) < 400
    assert str(caught.value).startswith("2 quarantined as claimed, nothing waits; first: xxx")


def _batch_line(desk: Desk) -> dict[str, Any]:
    with capture_logs() as events:
        desk.runner.run("live", "t")
    [told] = [dict(event) for event in events if event["event"] == "batch done"]
    assert told["log_level"] == "info"
    return told


def test_the_line_of_a_batch_says_which_requests_brought_it_each_once(desk: Desk) -> None:
    desk.ledger.request = lambda number: "r1" if number else "r0"
    assert _batch_line(desk)["request_ids"] == ["r0", "r1"]
    assert "more_requests" not in _batch_line(desk)


def test_a_batch_of_many_requests_names_the_first_and_how_many_more(desk: Desk) -> None:
    desk.ledger.waiting = 400
    told = _batch_line(desk)
    assert told["request_ids"] == [f"r{number}" for number in range(20)]
    assert told["more_requests"] == 380
    assert len(str(told)) < 500


def test_a_batch_that_no_request_brought_names_none(desk: Desk) -> None:
    desk.ledger.request = lambda number: None
    assert not {"request_ids", "more_requests"} & set(_batch_line(desk))
