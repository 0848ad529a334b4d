"""Processes of `copydesk up` that hang or die where nobody but the heartbeat tells."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from shared.article import RawArticle, Source
from shared.clock import from_ms, now_ms
from shared.ledger.open import open_ledger
from shared.settings import Settings
from tests.e2e.running import System, article, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    running = System(tmp_path_factory.mktemp("hung"), task_time_limit=6, stuck_seconds=2)
    try:
        yield running
    finally:
        running.close()


def children(pid):
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def open_files(pid):
    """The files that a process holds open, as far as it can be looked into."""
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(link.readlink())
        except OSError:
            continue
    return found


def accept_silently(system):
    """An article that is in the ledger and that nobody was woken for, as after a lost message."""
    raw = RawArticle(
        id=f"{now_ms():032x}",
        source=Source("e2e.example"),
        title="The signal box of Port Calder is for sale",
        body="The railway sells the signal box of Port Calder, it said on Monday. Offers are taken until the "
        "end of the month, and the buyer has to keep the levers in working order.",
        ingested_at=from_ms(now_ms()),
    )
    ledger = open_ledger(Settings(data_dir=system.folder))
    ledger.accept([raw], now_ms())
    ledger.close()
    return raw.id


def test_a_sweeper_whose_clock_was_killed_is_started_again_and_wakes_what_waits(system):
    sweeper = system.child("--hostname sweeper@")
    ledger = system.folder / "ledger.sqlite"

    def clock():
        pool = {pid for pid in children(sweeper) if ledger in open_files(pid)}
        return children(sweeper) - pool if pool else set()

    (victim,) = until(clock, "the first sweep")
    os.kill(victim, signal.SIGKILL)
    article_id = accept_silently(system)
    system.await_line("sweeper has not answered for 20 s; killing it")
    system.await_status(article_id, "indexed")
    assert system.child("--hostname sweeper@") != sweeper


def test_an_index_worker_whose_child_is_frozen_is_started_again_and_work_goes_on(system):
    hung = system.child("--hostname index-worker@")
    for child in children(hung):
        os.kill(child, signal.SIGSTOP)
    article_id = system.push(**article("after-freeze", "weather vane"))
    system.await_line("index-worker has not answered for 20 s; killing it")
    system.await_status(article_id, "indexed")
    assert system.child("--hostname index-worker@") != hung
