"""`copydesk replay` on a real ledger: counted, asked, paged, and never too much at once."""

import pytest

from services.cli import replay, running, walk
from shared.clock import now_ms

from .conftest import raw

HOUR = 3_600_000


def test_it_counts_asks_and_puts_the_past_back_to_a_stage(desk):
    desk.push(raw(1), raw(2), raw(3))
    told = desk.run("replay", "--from-stage", "tag", answer="n\n")
    assert told.code == 1
    assert "Run 3 submissions accepted before" in told.err
    assert desk.words() == {"indexed": 3}
    told = desk.run("replay", "--from-stage", "tag", answer="y\n")
    assert told.code == 0
    assert "3 submissions put back to tag; follow with `copydesk status`" in told.out
    assert desk.waiting() == {("tag", "replay"): 3}
    desk.work()
    assert desk.words() == {"indexed": 3}
    assert [desk.ledger.article(raw(number).id).revision for number in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("--since", "3h"), [3, 4]),
        (("--until", "3h"), [1, 2]),
        (("--source", "paper0.example"), [2, 4]),
        (("--source", "paper0.example", "--since", "3h"), [4]),
    ],
    ids=str,
)
def test_time_and_source_choose_what_runs_again(desk, words, ids):
    desk.push(raw(1), raw(2), at=now_ms() - 5 * HOUR)
    desk.push(raw(3), raw(4), at=now_ms() - HOUR)
    assert desk.run("replay", "--from-stage", "dedupe", *words, "--yes").code == 0
    back = [number for number in (1, 2, 3, 4) if desk.ledger.status(raw(number).id).stage == "dedupe"]
    assert back == ids


def test_nothing_to_replay_is_said_without_asking(desk):
    told = desk.run("replay", "--from-stage", "index")
    assert (told.code, told.out) == (0, "nothing matches\n")


@pytest.mark.parametrize("stage", ["tag", "index"])
def test_reset_needs_a_stage_that_decides(desk, stage):
    told = desk.run("replay", "--from-stage", stage, "--reset", "--yes")
    assert told.code == 2
    assert "--from-stage clean or dedupe" in told.err


def test_no_more_than_the_limit_waits_in_the_lane_at_any_time(desk, monkeypatch):
    for module in (replay, walk):
        monkeypatch.setattr(module, "PAGE", 2)
    monkeypatch.setattr(replay, "MOST_WAITING", 5)
    desk.push(*(raw(number) for number in range(1, 11)))
    most = []

    def work(seconds):
        most.append(sum(desk.waiting().values()))
        desk.work()

    monkeypatch.setattr(replay.time, "sleep", work)
    told = desk.run("replay", "--from-stage", "index", "--yes")
    assert told.code == 0
    assert "4 wait in the replay lane of index; going on as they are done" in told.err
    assert most == [4, 4]
    assert desk.waiting() == {("index", "replay"): 2}


def test_long_work_tells_a_line_now_and_then_where_there_is_no_terminal(desk, monkeypatch):
    monkeypatch.setattr(walk, "TELL_SECONDS", 0.0)
    desk.push(raw(1), raw(2))
    assert "replay: 2 of 2" in desk.run("replay", "--from-stage", "index", "--yes").err


def test_the_broker_of_a_run_is_found_while_it_runs_and_not_after(desk, monkeypatch):
    held = [True]
    monkeypatch.setattr(running, "is_locked", lambda settings: held[0])
    assert running.as_it_runs(desk.settings) == desk.settings  # nothing was noted yet
    noted = running.replace(desk.settings, redis_url="redis://127.0.0.1:7777/0")
    running.note_broker(noted)
    found = running.as_it_runs(desk.settings)
    assert (found.broker_url, found.redis_url) == ("redis://127.0.0.1:7777/0",) * 2
    held[0] = False
    assert running.as_it_runs(desk.settings) == desk.settings
