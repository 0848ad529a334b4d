"""F13, F20, F21, F23: a real Elasticsearch behind a way that misbehaves; nothing is blamed on articles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.clock import now_ms, to_ms
from tests.faults.articles import make_item
from tests.faults.ground import Kind
from tests.faults.ledgers import ask_sql
from tests.faults.newsroom import Newsroom
from tests.faults.processes import until
from tests.faults.proxy import Proxy

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def way(make_newsroom: Any) -> Iterator[tuple[Newsroom, Proxy]]:
    ground = make_newsroom.ground(Kind(index="elasticsearch"))
    proxy = Proxy(ground["elasticsearch"].url)
    made: Newsroom = make_newsroom(ground=ground, index_url=proxy.url)
    made.start("ingest", "search", "worker-0", "sweeper")
    yield made, proxy
    proxy.close()


@pytest.fixture
def newsroom(way: tuple[Newsroom, Proxy]) -> Newsroom:
    return way[0]


@pytest.fixture
def proxy(way: tuple[Newsroom, Proxy]) -> Iterator[Proxy]:
    yield way[1]
    way[1].mode = "pass"


def attempts(newsroom: Newsroom, ids: list[str]) -> set[int]:
    return {newsroom.status(article_id).attempts for article_id in ids}


def at_index(newsroom: Newsroom) -> int:
    return sum(
        entry.waiting + entry.held + entry.put_off
        for entry in newsroom.ledger.backlog(now_ms())
        if entry.stage == "index"
    )


@pytest.mark.parametrize("mode", ["refuse", "429", "503", "some 429"])
def test_f13_an_outage_of_the_index_is_waited_for_and_is_no_attempt(
    newsroom: Newsroom, proxy: Proxy, sound: Any, mode: Any
) -> None:
    first = 1_000 * (1 + ["refuse", "429", "503", "some 429"].index(mode))
    before = proxy.bulks[mode]
    proxy.mode = mode
    one = newsroom.push(make_item(str(first)))  # alone in its claims, where an attempt would count
    until(lambda: proxy.bulks[mode] >= before + 3 or (mode == "refuse" and at_index(newsroom)), "tries", 60)
    many = newsroom.push(*(make_item(str(number)) for number in range(first + 1, first + 40)))
    if mode != "some 429":
        until(lambda: at_index(newsroom) == 40, "the backlog")
        assert attempts(newsroom, one + many) <= {0, 1}  # 1 while one is being tried
    proxy.mode = "pass"
    newsroom.await_all()
    assert {newsroom.word(article_id) for article_id in one + many} == {"indexed"}
    assert newsroom.ledger.tallies().get("quarantined", 0) == 0
    assert "failed" not in {step.word for article_id in one for step in newsroom.ledger.journey(article_id)}
    sound(newsroom)


def test_f13_a_node_that_dies_under_load_and_comes_back_costs_nothing(
    newsroom: Newsroom, proxy: Proxy, sound: Any, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    load = newsroom.load(witness, rate=10, seed=13, first=10_000)
    until(lambda: newsroom.held() > 0, "work")
    newsroom.ground.kill("elasticsearch")
    until(lambda: at_index(newsroom) > 20, "a backlog")
    newsroom.ground.start("elasticsearch")
    load.stop()
    sound(newsroom, witness)


def test_f20_one_document_that_the_index_refuses_is_quarantined_and_its_batch_is_indexed(
    newsroom: Newsroom, proxy: Proxy, sound: Any
) -> None:
    items = [make_item(str(number)) for number in range(20_000, 20_050)]
    items[20]["title"] = "A breach of the mapping in the harbour wall"
    with newsroom.holding("tag"):  # so that many are in one claim at the index
        ids = newsroom.push(*items)
        until(lambda: newsroom.held() >= 20, "the claims")
    newsroom.await_all()
    words = [newsroom.word(article_id) for article_id in ids]
    assert words.count("indexed") == 49
    assert neighbours(newsroom, ids[20]), "nothing was indexed by the very write that refused the one"
    status = newsroom.status(ids[20])
    assert status.status == "quarantined"
    assert "no_such_field" in (status.reason or ""), status
    kept = newsroom.ledger.quarantined_one(status.submission)
    assert kept is not None
    assert (kept.stage, kept.original.title) == ("index", items[20]["title"])
    sound(newsroom, quarantined=[ids[20]])
    newsroom.ledger.drop_quarantined(_only(status.submission), 0, 10, now_ms(), "a test is over")


def neighbours(newsroom: Newsroom, article_id: str) -> list[str]:
    """The articles that the commit indexed which first says that this one was refused."""
    at_index = (step for step in newsroom.ledger.journey(article_id) if step.stage == "index")
    first = to_ms(next(at_index).at)
    query = f"SELECT article_id FROM journey WHERE word = 'indexed' AND at = {first}"
    return [row.article_id for row in ask_sql(newsroom.settings, query)]


def test_f21_a_bulk_that_was_applied_and_never_answered_is_no_second_document(
    newsroom: Newsroom, proxy: Proxy, sound: Any
) -> None:
    before = proxy.bulks["cut"]
    proxy.mode = "cut"
    ids = newsroom.push(*(make_item(str(number)) for number in range(21_000, 21_030)))
    until(lambda: proxy.bulks["cut"] >= before + 2, "two cuts")
    proxy.mode = "pass"
    newsroom.await_all()
    assert {newsroom.word(article_id) for article_id in ids} == {"indexed"}
    assert attempts(newsroom, ids) == {0}
    assert {newsroom.ledger.article(article_id).revision for article_id in ids} == {1}
    sound(newsroom)


def test_f23_a_missing_alias_stops_and_alarms_and_quarantines_nothing(
    newsroom: Newsroom, proxy: Proxy, sound: Any
) -> None:
    node, alias = newsroom.ground["elasticsearch"].url, newsroom.settings.index_alias
    (name,) = json.loads(httpx.get(f"{node}/_alias/{alias}").text)
    httpx.delete(f"{node}/{name}/_alias/{alias}").raise_for_status()
    alarms = newsroom["worker-0"].said().count('"stage stands"')
    ids = newsroom.push(*(make_item(str(number)) for number in range(23_000, 23_010)))
    until(lambda: newsroom["worker-0"].said().count('"stage stands"') > alarms, "the alarm", 30)
    until(lambda: at_index(newsroom) == 10, "the stop")
    assert newsroom.ledger.tallies().get("quarantined", 0) == 0
    assert not httpx.head(f"{node}/{alias}").is_success  # nobody made an index of that name
    assert newsroom.http.get(newsroom.url("search", "/v1/search"), params={"q": "report"}).status_code == 503
    httpx.put(f"{node}/{name}/_alias/{alias}", json={"is_write_index": True}).raise_for_status()
    newsroom.await_all()
    assert {newsroom.word(article_id) for article_id in ids} == {"indexed"}
    assert attempts(newsroom, ids) == {0}
    sound(newsroom)


def _only(submission: str) -> Any:
    from shared.ledger.keeping import QuarantineFilter

    return QuarantineFilter(submissions=(submission,))
