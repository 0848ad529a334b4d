"""The commands for people on call beside real worker processes: quarantine, replay, withdraw, compare."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from shared.clock import now_ms
from shared.index.open import open_index
from shared.ledger.keeping import QuarantineFilter
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import Outcome
from shared.queue import Waker
from shared.settings import Settings
from tests.integration.workers.conftest import Newsroom, make_raw, wait_until
from tests.servers import free_port, start_redis

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]
POISON = "tests.integration.workers.poison_app"


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    server = start_redis(tmp_path, free_port())
    settings = Settings(
        data_dir=tmp_path / "data", broker_url=server.url, lease_seconds=3, task_time_limit=6,
        sweep_seconds=1, stuck_seconds=2,
    )  # fmt: skip
    migrate_ledger(settings)
    index = open_index(settings, writing=True)
    index.create()
    index.close()
    made = Newsroom(settings, open_ledger(settings), Waker(settings), server)
    yield made
    made.close()
    server.stop()


def copydesk(newsroom: Newsroom, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cli.main", *words], env=os.environ | newsroom.settings.environment(),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90,
    )  # fmt: skip


def settled(newsroom: Newsroom) -> dict[str, int]:
    return newsroom.wait_for_all(90)


def test_what_was_quarantined_is_done_after_the_fault_is_mended_and_replayed(newsroom: Any) -> None:
    newsroom.start_worker("clean", "dedupe", "tag", app=POISON, more=("-c", "1"))
    newsroom.start_small("index", "sweep")
    raising = [make_raw(number, title=f"raise an error {number}") for number in (100, 101)]
    fine = [make_raw(number) for number in range(5)]
    newsroom.accept(*raising, *fine)
    assert settled(newsroom) == {"indexed": 5, "quarantined": 2}, newsroom.logs()
    [submission] = [
        one.submission for one in newsroom.ledger.quarantined(QuarantineFilter(), 0, 10)
        if one.article_id == raising[0].id
    ]  # fmt: skip
    shown = copydesk(newsroom, "quarantine", "show", submission)
    assert "a broken article" in shown.stdout
    assert "Traceback" in shown.stdout
    newsroom.stop(0)
    newsroom.start_worker("clean", "dedupe", "tag", more=("-c", "1"))  # without the fault
    done = copydesk(newsroom, "quarantine", "replay", submission, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert settled(newsroom) == {"indexed": 6, "quarantined": 1}, newsroom.logs()
    assert copydesk(newsroom, "quarantine", "replay", "--all", "--yes").returncode == 0
    assert settled(newsroom) == {"indexed": 7}, newsroom.logs()
    compared = copydesk(newsroom, "doctor", "--compare", "--all")
    assert compared.returncode == 0, compared.stdout
    assert "texts of the last three days compared" in compared.stdout


def test_the_past_runs_again_while_live_news_comes_in_and_changes_nothing(newsroom: Any) -> None:
    newsroom.start_small()
    raws = [make_raw(number) for number in range(120)]
    newsroom.accept(*raws)
    assert settled(newsroom) == {"indexed": 120}, newsroom.logs()
    before = {raw.id: newsroom.ledger.article(raw.id).change for raw in raws}
    for count, stage in enumerate(("index", "tag", "clean"), start=120):
        every = ("--all",) if stage == "tag" else ()  # else only what other rules tagged
        done = copydesk(newsroom, "replay", "--from-stage", stage, "--yes", *every)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{count} submissions put back to {stage}" in done.stdout
        newsroom.accept(make_raw(1000 + count))
        settled(newsroom)
    assert settled(newsroom) == {"indexed": 123}, newsroom.logs()
    assert {newsroom.ledger.article(raw.id).revision for raw in raws} == {1}
    assert all(newsroom.ledger.article(raw.id).change >= before[raw.id] for raw in raws)
    index = open_index(newsroom.settings)
    assert index.count() == 123
    index.close()
    compared = copydesk(newsroom, "doctor", "--compare", "--all")
    assert compared.returncode == 0, compared.stdout


def test_a_withdrawn_article_leaves_search_at_once_and_a_lost_document_comes_back(newsroom: Any) -> None:
    number = newsroom.start_small()
    raws = [make_raw(number) for number in range(10)]
    newsroom.accept(*raws)
    assert settled(newsroom) == {"indexed": 10}, newsroom.logs()
    assert copydesk(newsroom, "withdraw", raws[0].id, "--yes").returncode == 0
    wait_until(lambda: not newsroom.ledger.backlog(now_ms()), "the tombstone", 60)
    assert copydesk(newsroom, "doctor", "--compare", "--all").returncode == 0
    newsroom.stop(number)  # with the index worker in it, whose index is then lost
    newsroom.settings.index_dir.rename(newsroom.settings.data_dir / "lost")
    assert copydesk(newsroom, "migrate").returncode == 0
    newsroom.start_small("index", "sweep")
    compared = copydesk(newsroom, "doctor", "--compare", "--all", "--mend")
    assert compared.returncode == 1
    assert "9 articles not in the index" in compared.stdout
    wait_until(lambda: not newsroom.ledger.backlog(now_ms()), "the mending", 60)
    compared = copydesk(newsroom, "doctor", "--compare", "--all")
    assert compared.returncode == 0, compared.stdout


def test_the_commands_wake_the_stages_that_got_work(newsroom: Any) -> None:
    newsroom.ledger.accept([make_raw(1), make_raw(2)], now_ms())
    with redis.Redis.from_url(newsroom.redis.url, decode_responses=True) as client:
        assert client.keys() == []
        assert copydesk(newsroom, "withdraw", make_raw(1).id, "--yes").returncode == 0
        assert client.llen("copydesk:copydesk.index") == 1
        claimed = newsroom.ledger.claim("clean", "live", 10, "w", now_ms())
        refused = [Outcome(work.sequence, "rejected", "no article") for work in claimed.works]
        newsroom.ledger.commit(claimed, refused, "dedupe", "w", now_ms())
        done = copydesk(newsroom, "replay", "--from-stage", "clean", "--yes")
        assert "1 submission put back to clean" in done.stdout
        assert client.llen("copydesk:copydesk.clean") == 1


def test_status_says_where_to_look_when_no_service_answers(newsroom: Any) -> None:
    newsroom.accept(make_raw(1))
    done = copydesk(newsroom, "status")
    assert done.returncode == 1
    assert "no answer" in done.stdout
    assert "accepted" in done.stdout
