"""Every answer Elasticsearch can give, read by its adapter: refusals, overload, silence, strangers."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import elasticsearch
import pytest

from shared.errors import IndexMissing, InvalidRequest, Unavailable
from shared.index import elasticsearch as adapter
from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.mapping import index_name
from shared.index.port import SearchRequest
from tests.contract.elasticsearch_cases import NOW, article, each_call, words
from tests.contract.elasticsearch_stub import Stub, serve
from tests.servers import free_port


@pytest.fixture
def stubs() -> Iterator[tuple[Stub, Stub]]:
    both = (Stub(), Stub())
    servers = [serve(stub) for stub in both]
    yield both
    for stub, server in zip(both, servers, strict=True):
        if stub.waits is not None:
            stub.waits.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def stub(stubs: tuple[Stub, Stub]) -> Stub:
    return stubs[0]


@pytest.fixture
def stubbed(stub: Stub) -> Iterator[ElasticsearchIndex]:
    index = ElasticsearchIndex(stub.url, "news")
    yield index
    index.close()


def items(*answers: tuple[int, str | None]) -> dict[str, Any]:
    told = [
        {
            "index": {"_index": index_name("news"), "status": status}
            | ({"error": {"type": kind, "reason": "r"}} if kind else {})
        }
        for status, kind in answers
    ]
    return {"items": told}


def error(kind: str) -> dict[str, Any]:
    return {"error": {"type": kind, "reason": "because"}}


NO_HITS = {
    "took": 3,
    "timed_out": False,
    "_shards": {"total": 1, "failed": 0},
    "hits": {"total": {"value": 0}, "hits": []},
    "aggregations": {"articles": {"doc_count": 0}},
}


def test_each_item_of_a_mixed_answer_is_read_for_itself(stub, stubbed):
    stub.body = items(
        (201, None),
        (429, "es_rejected_execution_exception"),
        (409, "version_conflict_engine_exception"),
        (400, "document_parsing_exception"),
        (503, "unavailable_shards_exception"),
        (200, None),
    )
    outcomes = stubbed.write([article(number) for number in range(6)])
    assert words(outcomes) == ["written", "unavailable", "stale", "refused", "unavailable", "written"]
    assert [outcome.id for outcome in outcomes] == [article(number).id for number in range(6)]
    assert outcomes[1].reason == "es_rejected_execution_exception: r"


def test_a_bulk_write_asks_for_the_alias(stub, stubbed):
    stub.body = items((201, None))
    stubbed.write([article(1)])
    assert stub.seen[0][0].startswith("/news/_bulk?")
    assert "require_alias=true" in stub.seen[0][0]


def test_an_empty_batch_asks_nothing(stub, stubbed):
    assert stubbed.write([]) == []
    assert stub.seen == []


@each_call
@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "security_exception"), (403, "security_exception"), (429, "circuit_breaking_exception"),
     (500, "any"), (502, "any"), (503, "cluster_block_exception"), (504, "any")],
)  # fmt: skip
def test_a_cluster_that_cannot_answer_now_is_unavailable(stub, stubbed, call, status, kind):
    stub.status, stub.body = status, error(kind)
    with pytest.raises(Unavailable) as caught:
        call(stubbed)
    assert not isinstance(caught.value, IndexMissing)


def test_an_overloaded_cluster_is_not_asked_again_at_once(stub, stubbed):
    stub.status, stub.body = 429, error("es_rejected_execution_exception")
    with pytest.raises(Unavailable):
        stubbed.write([article(1)])
    assert len(stub.seen) == 1


def test_a_request_that_is_too_large_is_halved_until_it_fits(stub, stubbed):
    def limited(body: bytes) -> tuple[int, Any]:
        sent = body.count(b"\n") // 2
        return (413, error("too_large")) if sent > 2 else (200, items(*[(201, None)] * sent))

    stub.answer = limited
    outcomes = stubbed.write([article(number) for number in range(7)])
    assert words(outcomes) == ["written"] * 7


def test_an_article_that_is_too_large_alone_is_refused(stub, stubbed):
    stub.status, stub.body = 413, error("too_large")
    assert words(stubbed.write([article(1)])) == ["refused"]


@pytest.mark.parametrize(
    ("timed_out", "failed", "partial"), [(False, 0, False), (True, 0, True), (False, 1, True)]
)
def test_an_answer_of_only_a_part_is_marked_as_partial(stub, stubbed, timed_out, failed, partial):
    stub.body = NO_HITS | {"timed_out": timed_out, "_shards": {"total": 3, "failed": failed}}
    page = stubbed.search(SearchRequest(NOW))
    assert (page.partial, page.engine_ms) == (partial, 3.0)


def test_articles_by_id_are_never_an_answer_of_only_a_part(stub, stubbed):
    stub.body = NO_HITS | {"_shards": {"total": 3, "failed": 1}}
    with pytest.raises(Unavailable, match="part"):
        stubbed.get(["a"], NOW)


@pytest.mark.parametrize(("kind", "told"), [("text/html", b"<html></html>"), ("application/json", b"{}")])
def test_a_server_that_is_not_elasticsearch_is_unavailable(stub, stubbed, kind, told):
    stub.product, stub.kind, stub.body = False, kind, told
    with pytest.raises(Unavailable, match="Elasticsearch"):
        stubbed.search(SearchRequest(NOW))


def test_a_broken_answer_is_unavailable(stub, stubbed):
    stub.body = b"{"
    with pytest.raises(Unavailable):
        stubbed.search(SearchRequest(NOW))


def test_credentials_of_the_url_are_sent_to_every_host(stubs):
    for stub in stubs:
        stub.body = {"count": 0}
    first, second = (stub.url.removeprefix("http://") for stub in stubs)
    index = ElasticsearchIndex(f"http://desk:p%40ss%3A1@{first},http://{second}", "news")
    for _ in range(4):
        index.count()
    sent = {headers["Authorization"] for stub in stubs for _, headers in stub.seen}
    assert sent == {"Basic " + base64.b64encode(b"desk:p@ss:1").decode()}
    assert all(len(stub.seen) == 2 for stub in stubs)
    index.close()


def test_another_host_answers_for_one_that_is_gone(stub):
    stub.body = NO_HITS
    index = ElasticsearchIndex(f"http://127.0.0.1:{free_port()},{stub.url}", "news")
    for _ in range(4):
        assert index.search(SearchRequest(NOW)).articles == 0
    index.close()


def test_another_host_answers_for_one_that_has_no_cluster(stubs):
    stubs[0].status, stubs[0].body = 503, error("master_not_discovered_exception")
    stubs[1].body = NO_HITS
    index = ElasticsearchIndex(f"{stubs[0].url},{stubs[1].url}", "news")
    for _ in range(4):
        assert index.search(SearchRequest(NOW)).articles == 0
    index.close()


@each_call
def test_a_host_that_never_answers_is_given_up(stub, monkeypatch, call):
    monkeypatch.setattr(adapter, "READ_SECONDS", 0.2)
    monkeypatch.setattr(adapter, "WRITE_SECONDS", 0.2)
    stub.waits = threading.Event()
    index = ElasticsearchIndex(stub.url, "news")
    with pytest.raises(Unavailable):
        call(index)
    assert len(stub.seen) == 1
    index.close()


def test_a_host_without_an_address_is_unavailable():
    index = ElasticsearchIndex("http://nowhere.invalid:9200", "news")
    with pytest.raises(Unavailable):
        index.check()
    index.close()


def test_a_query_of_more_clauses_than_the_engine_takes_is_the_askers_to_change(stub, stubbed):
    stub.status, stub.body = 400, error("too_many_nested_clauses")
    with pytest.raises(InvalidRequest, match="too much at once"):
        stubbed.search(SearchRequest(NOW + timedelta(days=1)))


def test_a_request_that_we_built_wrong_is_not_taken_for_an_outage(stub, stubbed):
    stub.status, stub.body = 400, error("parsing_exception")
    with pytest.raises(elasticsearch.BadRequestError):
        stubbed.search(SearchRequest(NOW + timedelta(days=1)))
