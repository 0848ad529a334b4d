"""What only Elasticsearch can do to its adapter: refuse items, lose its alias, be slow, be full, be gone.

What every index must do stands in the suite that runs on all of them.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import elasticsearch
import pytest

from shared.article import Article, Source
from shared.errors import IndexMissing, Unavailable
from shared.index import elasticsearch as adapter
from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.mapping import index_mapping, index_name
from shared.index.port import SearchRequest
from shared.index.query import Word
from tests.servers import NodeStarter, free_port

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def article(number: int, **changed: Any) -> Article:
    known: dict[str, Any] = {
        "id": f"{number:032x}",
        "source": Source("paper.example"),
        "title": f"Report {number}",
        "body": "The harbour reopens and ferries sail again.",
        "ingested_at": NOW,
        "language": "en",
        "change": 1,
        "sort_key": number,
    }
    return Article(**(known | changed))


def words(outcomes: Any) -> list[str]:
    return [outcome.word for outcome in outcomes]


def found(index: ElasticsearchIndex) -> int:
    index.refresh()
    return index.search(SearchRequest(NOW, Word("ferry"))).articles


EVERYTHING: list[tuple[str, Callable[[ElasticsearchIndex], Any]]] = [
    ("write", lambda index: index.write([article(1)])),
    ("search", lambda index: index.search(SearchRequest(NOW))),
    ("get", lambda index: index.get(["a"], NOW)),
    ("count", lambda index: index.count()),
    ("refresh", lambda index: index.refresh()),
    ("check", lambda index: index.check()),
]
each_call = pytest.mark.parametrize(
    "call", [call for _, call in EVERYTHING], ids=[name for name, _ in EVERYTHING]
)


# A real node


@pytest.fixture
def alias() -> str:
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def raw(elasticsearch_url: str, alias: str) -> Iterator[elasticsearch.Elasticsearch]:
    """The engine without the adapter, to do to it what an operator or an accident does."""
    with elasticsearch.Elasticsearch(elasticsearch_url) as client:
        yield client
        for name in client.indices.get(index=f"{alias}*"):
            client.indices.delete(index=name)


@pytest.fixture
def index(
    elasticsearch_url: str, alias: str, raw: elasticsearch.Elasticsearch
) -> Iterator[ElasticsearchIndex]:
    made = ElasticsearchIndex(elasticsearch_url, alias)
    made.create()
    yield made
    made.close()


@pytest.mark.servers
def test_the_alias_is_the_only_place_of_writing(index, raw, alias):
    told = raw.indices.get_alias(name=alias)
    assert dict(told) == {index_name(alias): {"aliases": {alias: {"is_write_index": True}}}}


@pytest.mark.servers
def test_processes_that_create_at_once_make_one_index(elasticsearch_url, alias, raw):
    several = [ElasticsearchIndex(elasticsearch_url, alias) for _ in range(6)]
    with ThreadPoolExecutor(len(several)) as pool:
        list(pool.map(ElasticsearchIndex.create, several))
    assert list(raw.indices.get(index=f"{alias}*")) == [index_name(alias)]
    assert words(several[0].write([article(1)])) == ["written"]
    for one in several:
        one.close()


@pytest.mark.servers
def test_shards_and_replicas_are_as_told_and_a_yellow_index_is_ready(elasticsearch_url, alias, raw):
    index = ElasticsearchIndex(elasticsearch_url, alias, shards=3, replicas=1)
    index.create()
    settings = raw.indices.get_settings(index=alias)[index_name(alias)]["settings"]["index"]
    assert (settings["number_of_shards"], settings["number_of_replicas"]) == ("3", "1")
    if raw.cluster.health()["number_of_data_nodes"] == 1:
        assert raw.cluster.health(index=alias)["status"] == "yellow"
    index.check()
    assert words(index.write([article(number) for number in range(9)])) == ["written"] * 9
    assert found(index) == 9
    index.close()


@pytest.mark.servers
@each_call
def test_a_missing_alias_is_told_as_such(elasticsearch_url, alias, call):
    index = ElasticsearchIndex(elasticsearch_url, alias)
    with pytest.raises(IndexMissing, match=alias):
        call(index)
    index.close()


@pytest.mark.servers
def test_an_alias_that_was_taken_away_stops_writing_and_create_puts_it_back(index, raw, alias):
    index.write([article(1)])
    raw.indices.delete_alias(index=index_name(alias), name=alias)
    with pytest.raises(IndexMissing, match="not an alias"):
        index.write([article(2)])
    assert not raw.indices.exists(index=alias)
    index.create()
    assert words(index.write([article(2)])) == ["written"]
    assert found(index) == 2


@pytest.mark.servers
def test_an_index_in_the_place_of_the_alias_is_not_written_to(elasticsearch_url, alias, raw):
    raw.indices.create(index=alias)
    index = ElasticsearchIndex(elasticsearch_url, alias)
    for call in (index.create, index.check, lambda: index.write([article(1)])):
        with pytest.raises(IndexMissing, match=alias):
            call()
    index.close()


@pytest.mark.servers
def test_a_field_that_the_mapping_does_not_know_is_refused_while_the_rest_is_written(
    elasticsearch_url, alias, raw
):
    mapping = index_mapping()
    del mapping["properties"]["story_id"]
    raw.indices.create(index=index_name(alias), mappings=mapping, aliases={alias: {"is_write_index": True}})
    index = ElasticsearchIndex(elasticsearch_url, alias)
    outcomes = index.write([article(1), article(2, story_id="s1"), article(3)])
    assert words(outcomes) == ["written", "refused", "written"]
    assert "story_id" in outcomes[1].reason
    index.close()


@pytest.mark.servers
def test_items_that_spoil_a_whole_request_are_refused_while_the_rest_is_written(index):
    batch = [
        article(1),
        article(2, id="x" * 600),
        article(3),
        article(4, change=-1),
        article(5, title="\ud800"),
    ]
    outcomes = index.write(batch)
    assert words(outcomes) == ["written", "refused", "written", "refused", "refused"]
    assert "id" in outcomes[1].reason
    assert "version" in outcomes[3].reason
    assert found(index) == 2


@pytest.mark.servers
def test_an_index_of_another_version_is_told_and_quarantines_nothing(elasticsearch_url, alias, raw):
    old = f"{alias}-v0.0-000001"
    raw.indices.create(index=old, mappings={"dynamic": "strict"}, aliases={alias: {"is_write_index": True}})
    index = ElasticsearchIndex(elasticsearch_url, alias)
    index.create()
    for call in (index.check, lambda: index.write([article(1)])):
        with pytest.raises(IndexMissing, match=r"v0\.0-000001 is not of version"):
            call()
    index.close()


@pytest.mark.servers
def test_a_disk_at_its_flood_stage_is_waited_for(index, raw, alias):
    raw.indices.put_settings(index=alias, settings={"index.blocks.read_only_allow_delete": True})
    outcomes = index.write([article(1)])
    assert words(outcomes) == ["unavailable"]
    assert "cluster_block_exception" in outcomes[0].reason
    raw.indices.put_settings(index=alias, settings={"index.blocks.read_only_allow_delete": None})
    assert words(index.write([article(1)])) == ["written"]


@pytest.mark.servers
def test_a_batch_over_the_limits_is_sent_in_pieces(index, monkeypatch):
    monkeypatch.setattr("shared.index.bulk.MAX_ITEMS", 7)
    monkeypatch.setattr("shared.index.bulk.MAX_BYTES", 5_000)
    batch = [article(number, body="ferry " * (number * 40)) for number in range(1, 31)]
    assert words(index.write(batch)) == ["written"] * 30
    assert found(index) == 30


@pytest.mark.servers
def test_a_number_beyond_64_bits_comes_back_whole(index):
    kept = article(1, version=2**70)
    assert words(index.write([kept])) == ["written"]
    index.refresh()
    assert index.get([kept.id], NOW) == [kept]


@pytest.mark.servers
def test_a_person_can_read_the_source_of_a_document(index, raw, alias):
    index.write([article(1)])
    source = raw.get(index=alias, id=article(1).id)["_source"]
    assert source["article"]["title"] == "Report 1"
    assert source["article"]["ingested_at"] == "2026-05-01T12:00:00Z"
    assert source["languages"] == ["en"]
    assert "body_terms" not in source


@pytest.mark.servers
def test_threads_share_one_index(index):
    batches = [[article(thread * 100 + number) for number in range(20)] for thread in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert all(words(outcomes) == ["written"] * 20 for outcomes in pool.map(index.write, batches))
    index.refresh()
    with ThreadPoolExecutor(6) as pool:
        pages = list(pool.map(lambda _: index.search(SearchRequest(NOW, Word("ferry"))), range(20)))
    assert {page.articles for page in pages} == {120}


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.timeout(300)  # several starts, on a machine that may be busy
def test_a_killed_node_is_told_within_three_seconds_and_its_return_is_noticed(start_elasticsearch, tmp_path):
    fixed = {"http.port": str(free_port())}
    node = start_elasticsearch(tmp_path, fixed)
    index = ElasticsearchIndex(node.url, "news")
    index.create()
    assert words(index.write([article(1)])) == ["written"]
    node.kill()
    for name, call in EVERYTHING:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            call(index)
        assert time.monotonic() - began < 3, name
    start_elasticsearch(tmp_path, fixed)
    eventually(index.check)
    assert words(index.write([article(1), article(2)])) == ["stale", "written"]
    index.close()


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.timeout(300)  # several starts, on a machine that may be busy
def test_three_nodes_form_a_cluster_that_outlives_one_of_them(start_elasticsearch, tmp_path):
    nodes = cluster(start_elasticsearch, tmp_path)
    index = ElasticsearchIndex(",".join(node.url for node in nodes), "news", shards=3, replicas=1)
    index.create()
    batch = [article(number) for number in range(60)]
    assert words(index.write(batch)) == ["written"] * 60
    with elasticsearch.Elasticsearch(nodes[1].url) as client:
        health = client.cluster.health(index="news", wait_for_status="green", timeout="20s")
        assert (health["status"], health["number_of_nodes"]) == ("green", 3)
    nodes[0].kill()
    eventually(index.check)
    eventually(lambda: index.write(batch))
    assert found(index) == 60
    index.close()


def cluster(start: NodeStarter, place: Any) -> list[Any]:
    """Three nodes, of which the first calls the cluster into being and the others join it."""
    first = start(place / "1", {"node.name": "node-1", "cluster.initial_master_nodes": "node-1"})
    seeds = {"discovery.seed_hosts": first.transport}
    return [first, *(start(place / str(n), {"node.name": f"node-{n}", **seeds}) for n in (2, 3))]


def eventually(call: Callable[[], Any], seconds: float = 20) -> None:
    """Call until it is not ``Unavailable`` any more."""
    end = time.monotonic() + seconds
    while True:
        try:
            call()
        except Unavailable:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


# A server that speaks just enough, for what no node can be made to answer at will


@dataclass
class Stub:
    """Answers every request with what the test says, and remembers what it was asked."""

    url: str = ""
    status: int = 200
    body: Any = None
    answer: Callable[[bytes], tuple[int, Any]] | None = None
    kind: str = "application/json"
    product: bool = True
    seen: list[tuple[str, Message]] = field(default_factory=list)
    waits: threading.Event | None = None


def serve(stub: Stub) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stub.seen.append((self.path, self.headers))
            if stub.waits is not None:
                stub.waits.wait(10)
            status, told = stub.answer(body) if stub.answer else (stub.status, stub.body)
            data = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            if stub.product:
                self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Type", stub.kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_HEAD = do_GET = do_PUT = do_POST  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


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
        stub.body = NO_HITS
    first, second = (stub.url.removeprefix("http://") for stub in stubs)
    index = ElasticsearchIndex(f"http://desk:p%40ss%3A1@{first},http://{second}", "news")
    for _ in range(4):
        index.search(SearchRequest(NOW))
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


def test_a_request_that_we_built_wrong_is_not_taken_for_an_outage(stub, stubbed):
    stub.status, stub.body = 400, error("parsing_exception")
    with pytest.raises(elasticsearch.BadRequestError):
        stubbed.search(SearchRequest(NOW + timedelta(days=1)))
