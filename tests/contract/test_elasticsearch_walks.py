"""Steps of a walk that Elasticsearch answers badly: never a page with holes, never a walk that hangs on."""

from __future__ import annotations

import json

import pytest

from shared.errors import Unavailable
from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.mapping import index_name
from shared.index.port import Mark, SearchRequest
from shared.index.walking import WalkGone
from tests.contract.elasticsearch_cases import NOW
from tests.contract.elasticsearch_stub import Stub, serve

USED = index_name("news")
WHOLE = {"took": 1, "timed_out": False, "_shards": {"failed": 0}}
MARK = Mark("pit-0", None, 50, (), 9, 9)


def failed(kind):
    return {"_shards": {"failed": 1, "failures": [{"shard": 1, "reason": {"type": kind, "reason": "r"}}]}}


class Cluster:
    """Three articles a page, in a walk without an end; ``step`` and ``check`` change what it answers."""

    def __init__(self, stub):
        self.stub = stub
        self.status, self.step, self.check, self.index = 200, {}, {}, USED
        stub.answer = self.answer

    def answer(self, body):
        if "/_pit" in self.stub.seen[-1][0]:
            return 200, {"id": "pit-1"}
        asked = json.loads(body)
        if "pit" not in asked:
            hits = [self.hit(n, article=json.loads(stored(n))) for n in range(3)]
            return 200, WHOLE | {"hits": {"hits": hits}} | self.check
        counts = {name: {"doc_count": 9} for name in asked.get("aggs", ())}
        told = WHOLE | {
            "pit_id": "pit-2",
            "aggregations": counts,
            "hits": {"hits": [*map(self.hit, range(4))]},
        }
        return self.status, told | self.step

    def hit(self, number, **source):
        return {
            "_index": self.index,
            "_id": f"{number:032x}",
            "_score": None,
            "sort": [number, 0],
            "_source": source,
        }


def stored(number):
    return json.dumps({
        "id": f"{number:032x}", "source": {"id": "a.example"}, "title": "", "body": "",
        "ingested_at": "2026-03-01T12:00:00Z",
    })  # fmt: skip


@pytest.fixture
def cluster():
    stub = Stub()
    server = serve(stub)
    yield Cluster(stub)
    server.shutdown()
    server.server_close()


@pytest.fixture
def index(cluster):
    opened = ElasticsearchIndex(cluster.stub.url, "news")
    yield opened
    opened.close()


def step(index, mark=None):
    return index.walk(SearchRequest(NOW, sort="newest", size=3), mark, NOW)


def test_a_whole_answer_is_a_step_with_the_totals_of_the_first(index):
    first = step(index)
    assert [int(hit.article.id, 16) for hit in first.page.hits] == [0, 1, 2]
    assert first.mark == Mark("pit-2", None, 2, (), 9, 9)
    assert step(index, first.mark).page.articles == 9


@pytest.mark.parametrize("part", ["step", "check"])
@pytest.mark.parametrize(
    "told", [{"timed_out": True}, failed("node_disconnected_exception"), {"_shards": {"failed": 1}}]
)
@pytest.mark.parametrize("mark", [None, MARK])
def test_an_answer_of_only_a_part_is_no_step(cluster, index, part, told, mark):
    setattr(cluster, part, told)
    with pytest.raises(Unavailable):
        step(index, mark)
    setattr(cluster, part, {})
    assert len(step(index, mark).page.hits) == 3  # the mark may be tried again


@pytest.mark.parametrize("kind", ["search_context_missing_exception", "no_shard_available_action_exception"])
def test_a_state_of_which_a_part_is_no_longer_kept_is_gone(cluster, index, kind):
    cluster.step = failed(kind)
    with pytest.raises(WalkGone):
        step(index, MARK)


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (404, "search_context_missing_exception", WalkGone),
        (503, "no_shard_available_action_exception", WalkGone),
        (503, "node_disconnected_exception", Unavailable),
        (429, "es_rejected_execution_exception", Unavailable),
    ],
)
def test_a_refusal_is_read_for_whether_the_state_is_gone(cluster, index, status, kind, error):
    cluster.status = status
    reason = {"type": kind, "reason": "r"}
    cluster.step = {
        "error": {"type": "search_phase_execution_exception", "failed_shards": [{"reason": reason}]}
    }
    with pytest.raises(error):
        step(index, MARK)


def test_a_state_of_another_versions_index_is_gone(cluster, index):
    cluster.index = "news-v0.0-000001"
    with pytest.raises(WalkGone):
        step(index, MARK)


def test_a_first_step_that_fails_leaves_nothing_open(cluster, index):
    cluster.step = {"timed_out": True}
    with pytest.raises(Unavailable):
        step(index)
    assert not index._walks._kept  # it could not be closed, since the stub knows no such request; it lapses
