"""`copydesk reindex` beside a system that is down: it says so at once, and goes on once workers come."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from shared.clock import now_ms
from shared.index.open import open_index
from shared.settings import Settings
from tests.integration.workers.conftest import ROOT, Newsroom, make_raw, newsroom, wait_until

__all__ = ["newsroom"]
pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]
MANY = 60


@contextmanager
def reindexing(settings: Settings, told: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command, whose words go to a file; whatever happens it is gone in the end."""
    environ = {**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with told.open("wb") as log:
        argv = [sys.executable, "-m", "services.cli.main", "reindex"]
        command = subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield command
    finally:
        command.kill()
        command.wait()


def fill(newsroom: Newsroom) -> None:
    """Index some articles, and end the workers that did."""
    newsroom.start_all()
    newsroom.accept(*(make_raw(number) for number in range(MANY)))
    newsroom.wait_for_all(120)
    for place in range(len(newsroom.workers)):
        newsroom.kill(place)


@pytest.mark.parametrize("broker_answers", [False, True], ids=["no broker", "no worker"])
def test_a_rebuild_with_the_system_down_says_so_and_goes_on_when_it_comes(
    newsroom: Newsroom, tmp_path: Path, *, broker_answers: bool
) -> None:
    fill(newsroom)
    if not broker_answers:
        newsroom.kill_broker()
    told = tmp_path / "told"
    with reindexing(newsroom.settings, told) as command:
        wait_until(lambda: "no worker takes them" in told.read_text(), "a word about it")
        words = told.read_text()
        assert f"{MANY} articles wait at index" in words
        assert "start `copydesk up`, or the index worker, and this goes on by itself" in words
        assert ("no broker answers from here" in words) is not broker_answers
        assert command.poll() is None
        if not broker_answers:
            newsroom.restart_broker()
        newsroom.start_all()
        wait_until(lambda: command.poll() is not None, "the command to end", 200)
        assert command.returncode == 0, told.read_text()
    assert f"{MANY} articles agree with the ledger" in told.read_text()
    assert "the sweeper wakes" not in told.read_text()  # the broker that came was found
    with closing(open_index(newsroom.settings)) as index:
        index.refresh()
        assert (index.count(), index.building()) == (MANY, None)
        assert newsroom.ledger.backlog(now_ms()) == []
