"""The index with real workers, on both engines: rebuilt beside live work, tidied, withdrawn from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from shared.article import RawArticle
from shared.clock import from_ms, now_ms, to_ms
from shared.errors import CopydeskError
from shared.index.document import digest
from shared.index.open import open_index
from shared.index.parser import parse_query
from shared.index.port import ArticleIndex, SearchRequest
from shared.ledger.open import migrate_ledger, open_ledger
from shared.queue import Waker
from shared.settings import Settings
from tests.integration.service import run_ingest
from tests.integration.workers.conftest import ROOT, Newsroom, make_raw, wait_until
from tests.servers import free_port, start_redis

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(600)]
MANY = 600
FIRST = "-000001"  # how the name of the first index ends
DAY_MS = 24 * 3_600_000
ENGINES = ["embedded", "elasticsearch"]


@pytest.fixture(params=ENGINES, scope="module")
def newsroom(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """A newsroom at work, with many articles indexed; a test leaves it as it found it, or fuller."""
    folder = tmp_path_factory.mktemp("reindex")
    url = request.getfixturevalue("elasticsearch_url") if request.param == "elasticsearch" else ""
    server = start_redis(folder, free_port())
    settings = Settings(
        data_dir=folder / "data", broker_url=server.url,
        index_url=url, index_alias=f"news-{uuid.uuid4().hex}", ingest_port=free_port(),
        lease_seconds=3, task_time_limit=6, sweep_seconds=1, stuck_seconds=2,
    )  # fmt: skip
    migrate_ledger(settings)
    with closing(open_index(settings, writing=True)) as index:
        index.create()
        retire_long_ago(index)
    made = Newsroom(settings, open_ledger(settings), Waker(settings), server)
    made.start_all()
    for start in range(0, MANY, 300):
        made.accept(*(make_raw(number) for number in range(start, start + 300)))
    made.wait_for_all(150)
    with closing(open_index(settings)) as index:
        index.refresh()  # the tests count from here
    yield made
    made.close()
    server.stop()
    if url:
        for name in httpx.get(f"{url}/{settings.index_alias}*").json():
            httpx.delete(f"{url}/{name}").raise_for_status()


class Traffic:
    """Pushes new articles and revisions, withdraws some, and searches, until it is told to stop."""

    def __init__(self, newsroom: Newsroom, first: int) -> None:
        self._newsroom = newsroom
        self._first = first
        self._done = threading.Event()
        self.pushed = 0
        self.searches = 0
        self.withdrawn: list[str] = []
        self.troubles: list[str] = []
        self._threads = [
            threading.Thread(target=self._run, args=(one,)) for one in (self._push, self._search)
        ]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _run(self, work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except BaseException as error:
            self.troubles.append(repr(error))
            raise

    def _push(self) -> None:
        while not self._done.wait(0.15):
            number = self._first + self.pushed
            old = number * 7 % MANY
            revised: RawArticle = make_raw(old, f"Town {old} was heard of again, {number} times by now. " * 3)
            self._newsroom.accept(make_raw(number), revised)
            self.pushed += 1
            if self.pushed % 10 == 0:
                self._newsroom.ledger.withdraw(make_raw(number - 5).id, now_ms())
                self.withdrawn.append(make_raw(number - 5).id)

    def _search(self) -> None:
        with closing(open_index(self._newsroom.settings)) as index:
            while not self._done.wait(0.1):  # often enough to see every state, and no load by itself
                page = index.search(SearchRequest(from_ms(now_ms()), duplicates="keep", size=3))
                assert page.articles >= MANY, f"a search found {page.articles} articles"
                assert not page.partial
                self.searches += 1


def start_reindex(settings: Settings, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "services.cli.main", "reindex", *options],
        cwd=ROOT,
        env={**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(command: subprocess.Popen[str], code: int = 0, seconds: float = 300) -> str:
    try:
        said, _ = command.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        command.kill()
        command.communicate()
        raise
    assert command.returncode == code, said
    return said


def index_worker(newsroom: Newsroom) -> int:
    """The place of the index worker that runs."""
    queues = "copydesk.index,copydesk.sweep"
    places = [place for place, process in enumerate(newsroom.workers) if queues in process.args]
    return next(place for place in places if newsroom.workers[place].poll() is None)


def settle(newsroom: Newsroom) -> None:
    newsroom.wait_for_all(100)


def assert_equal_to_the_ledger(newsroom: Newsroom, index: ArticleIndex, withdrawn: list[str]) -> None:
    index.refresh()
    served = newsroom.ledger.served(0, 100_000)
    ids = [one.id for one in served]
    articles = newsroom.ledger.articles(ids)
    tidied = {one.id for one in articles if one.withdrawn and to_ms(one.expires_at) < now_ms() - DAY_MS}
    present = index.changes(ids)
    assert index.count() == len(present)
    assert present.keys() | tidied == set(ids)
    ids = list(present)
    assert present == {one.id: one.change for one in served if one.id in present}
    wanted = {one.id: digest(one) for one in articles}
    stored = index.digests(ids)
    assert [one for one in ids if stored[one] != wanted[one]] == []
    assert index.get(withdrawn, from_ms(now_ms())) == []
    assert {one.id for one in served if one.withdrawn} >= set(withdrawn)


def indices(newsroom: Newsroom) -> set[str]:
    """The names of all indices that there are: in use, being built or retired."""
    settings = newsroom.settings
    if settings.index_url:
        return set(httpx.get(f"{settings.index_url}/{settings.index_alias}*").raise_for_status().json())
    return {path.name for path in settings.index_dir.glob("articles-*")}


def retire_long_ago(index: ArticleIndex) -> str:
    """Leave an old index behind that was put out of use two days ago; before anything is written."""
    index.begin_build()
    return index.switch(now_ms() - 2 * DAY_MS)


def count_build(index: ArticleIndex) -> int:
    """How full the new index is; 0 while there is none."""
    try:
        index.refresh()
        return index.count(build=True)
    except CopydeskError:
        return 0


def test_live_pushes_and_searches_go_on_while_the_index_is_built_anew(newsroom: Newsroom) -> None:
    with closing(open_index(newsroom.settings)) as index, Traffic(newsroom, 100_000) as traffic:
        wait_until(lambda: traffic.searches > 3 and traffic.pushed > 3, "traffic")
        said = finish(start_reindex(newsroom.settings))
        more = traffic.searches + 5, traffic.pushed + 5
        wait_until(lambda: (traffic.searches, traffic.pushed) > more, "traffic after the switch")
    assert traffic.troubles == []
    settle(newsroom)
    with closing(open_index(newsroom.settings)) as index:
        assert_equal_to_the_ledger(newsroom, index, traffic.withdrawn)
        assert index.building() is None
        old = said.split("switched from ")[1].split()[0]
        assert index.drop_retired(now_ms() - 3_600_000) == []
        assert old in index.drop_retired(now_ms() + 1)  # and what other tests retired
        assert_equal_to_the_ledger(newsroom, index, traffic.withdrawn)


def test_a_reindex_whose_worker_and_command_are_killed_is_gone_on_with(newsroom: Newsroom) -> None:
    with closing(open_index(newsroom.settings)) as index, Traffic(newsroom, 200_000) as traffic:
        command = start_reindex(newsroom.settings)
        wait_until(lambda: count_build(index) > 100, "a part of the new index")
        half = index.building()
        newsroom.kill(index_worker(newsroom))
        command.send_signal(signal.SIGKILL)
        command.communicate()
        assert index.building() == half
        newsroom.start_small("index", "sweep")
        said = finish(start_reindex(newsroom.settings))
    assert f"going on with {half}" in said
    assert traffic.troubles == []
    settle(newsroom)
    with closing(open_index(newsroom.settings)) as index:
        assert_equal_to_the_ledger(newsroom, index, traffic.withdrawn)


def test_a_stopped_reindex_can_be_abandoned(newsroom: Newsroom) -> None:
    command = start_reindex(newsroom.settings)
    with closing(open_index(newsroom.settings)) as index:
        wait_until(lambda: count_build(index) > 0, "a part of the new index")
        command.send_signal(signal.SIGINT)
        assert "copydesk: stopped" in finish(command, 130)
        name = index.building()
        assert name in finish(start_reindex(newsroom.settings, "--abandon"))
        assert index.building() is None
        settle(newsroom)
        assert_equal_to_the_ledger(newsroom, index, [])
    assert "no index is being built" in finish(start_reindex(newsroom.settings, "--abandon"))


def test_a_worker_tidies_the_index_and_leaves_what_is_younger_than_a_day(newsroom: Newsroom) -> None:
    old, young, kept = (make_raw(number) for number in (300_000, 300_001, 300_002))
    newsroom.accept(old, young, kept)
    settle(newsroom)
    newsroom.ledger.withdraw(old.id, now_ms() - DAY_MS - 60_000)
    newsroom.ledger.withdraw(young.id, now_ms() - DAY_MS + 600_000)
    newsroom.waker.wake("index")
    settle(newsroom)
    ids = [raw.id for raw in (old, young, kept)]
    with closing(open_index(newsroom.settings)) as index:
        index.refresh()
        assert set(index.changes(ids)) == set(ids), "tombstones stand before they are tidied up"
        newsroom.waker.tidy()
        wait_until(lambda: set(index.changes(ids)) == set(ids[1:]), "the old tombstone to go")
        wait_until(lambda: FIRST not in str(indices(newsroom)), "the retired index to go")
        assert [one.id for one in index.get(ids, from_ms(now_ms()))] == [kept.id]


def test_a_withdrawn_article_is_not_found_any_more_two_seconds_after_it_was_indexed(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    raws = [make_raw(number) for number in range(310_000, 310_005)]
    settings = newsroom.settings
    newsroom.accept(*raws)
    settle(newsroom)
    with closing(open_index(settings)) as index, run_ingest(settings, tmp_path / "granian.log"):
        index.refresh()
        assert found(index, raws) == {raw.id for raw in raws}
        for raw in raws[:3]:
            url = f"http://127.0.0.1:{settings.ingest_port}/v1/articles/{raw.id}"
            told = httpx.delete(url, timeout=30).raise_for_status().json()
            assert told["status"] == "withdrawn"
            wait_until(lambda raw=raw: is_indexed(newsroom, raw), "the tombstone")
            since = time.monotonic()
            wait_until(lambda raw=raw: raw.id not in found(index, raws), "the article to go")
            assert time.monotonic() - since < 2, "it was found for longer"
        assert found(index, raws) == {raw.id for raw in raws[3:]}
        assert [one.id for one in index.get([raw.id for raw in raws], from_ms(now_ms()))] == [
            raw.id for raw in raws[3:]
        ]


def found(index: ArticleIndex, raws: list[RawArticle]) -> set[str]:
    """Which of these items a search finds now, by words in their titles."""
    numbers = [raw.uri.removeprefix("item-") for raw in raws]
    query = parse_query(" OR ".join(numbers))
    page = index.search(SearchRequest(from_ms(now_ms()), query, duplicates="keep", size=100))
    return {hit.article.id for hit in page.hits} & {raw.id for raw in raws}


def is_indexed(newsroom: Newsroom, raw: RawArticle) -> bool:
    """Whether the index has been told of everything that the ledger knows of an item."""
    article = newsroom.ledger.article(raw.id)
    assert article is not None
    with closing(open_index(newsroom.settings)) as index:
        return article.withdrawn and index.changes([raw.id]) == {raw.id: article.change}
