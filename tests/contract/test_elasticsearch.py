"""What only Elasticsearch can do to its adapter: lose its alias, be full, be killed, be a cluster.

What every index must do stands in the suite that runs on all of them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import elasticsearch
import pytest

from shared.errors import IndexMissing, Unavailable
from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.mapping import index_mapping, index_name
from shared.index.port import SearchRequest
from shared.index.query import Word
from tests.contract.elasticsearch_cases import EVERYTHING, NOW, article, each_call, eventually, words
from tests.servers import NodeStarter, free_port


def found(index: ElasticsearchIndex) -> int:
    index.refresh()
    return index.search(SearchRequest(NOW, Word("ferry"))).articles


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
    del mapping["properties"]["duplicate_of"]
    raw.indices.create(index=index_name(alias), mappings=mapping, aliases={alias: {"is_write_index": True}})
    index = ElasticsearchIndex(elasticsearch_url, alias)
    outcomes = index.write([article(1), article(2, duplicate_of="s1"), article(3)])
    assert words(outcomes) == ["written", "refused", "written"]
    assert "duplicate_of" in outcomes[1].reason
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
def test_an_index_of_another_version_is_rebuilt_beside_and_nothing_goes_to_it(elasticsearch_url, alias, raw):
    old = f"{alias}-v0.0-000001"
    raw.indices.create(index=old, mappings={"dynamic": "strict"}, aliases={alias: {"is_write_index": True}})
    index = ElasticsearchIndex(elasticsearch_url, alias)
    index.begin_build()
    assert words(index.write([article(1)])) == ["written"]
    with pytest.raises(IndexMissing, match="copydesk reindex"):
        index.search(SearchRequest(NOW, Word("ferry")))
    with pytest.raises(IndexMissing, match="copydesk reindex"):
        index.get([article(1).id], NOW)
    assert raw.count(index=old)["count"] == 0
    assert index.switch(5) == old
    assert found(index) == 1
    assert index.drop_retired(6) == [old]
    index.close()


@pytest.mark.servers
def test_the_aliases_swap_in_one_request_and_writes_still_need_them(index, raw, alias):
    built = index.begin_build()
    building = f"{alias}-building"
    assert dict(raw.indices.get_alias(name=building)) == {
        built: {"aliases": {building: {"is_write_index": True}}}
    }
    assert index.switch(1_700_000_000_000) == index_name(alias)
    told = raw.indices.get(index=f"{alias}-v*")
    assert told[built]["aliases"] == {alias: {"is_write_index": True}}
    assert told[index_name(alias)]["aliases"] == {}
    meta = told[index_name(alias)]["mappings"]["_meta"]
    assert meta == index_mapping()["_meta"] | {"retired_at": 1_700_000_000_000}
    raw.indices.delete_alias(index=built, name=alias)
    with pytest.raises(IndexMissing, match="not an alias"):
        index.write([article(1)])


@pytest.mark.servers
def test_create_gives_a_lost_alias_back_to_the_newest_index_and_never_to_a_retired_one(index, raw, alias):
    index.begin_build()
    index.write([article(1)])
    index.switch(5)
    used = index_name(alias, 2)
    being_built = index.begin_build()
    raw.indices.delete_alias(index=used, name=alias)
    index.create()
    assert list(raw.indices.get_alias(name=alias)) == [used]
    assert index.building() == being_built
    assert found(index) == 1


@pytest.mark.servers
def test_a_missing_alias_stops_writing_also_while_an_index_is_being_built(index, raw, alias):
    index.begin_build()
    raw.indices.delete_alias(index=index_name(alias), name=alias)
    with pytest.raises(IndexMissing, match="not an alias"):
        index.write([article(1)])


@pytest.mark.servers
def test_a_build_of_another_version_is_no_build_and_is_begun_anew(index, raw, alias):
    other = f"{alias}-v0.0-000002"
    raw.indices.create(index=other, aliases={f"{alias}-building": {"is_write_index": True}})
    assert index.building() is None
    assert words(index.write([article(1)])) == ["written"]
    assert raw.count(index=other)["count"] == 0
    assert index.begin_build() == index_name(alias, 3)
    assert not raw.indices.exists(index=other)


@pytest.mark.servers
@pytest.mark.parametrize("moved", ["switch", "abandon"])
def test_a_batch_during_which_the_build_ends_goes_to_what_is_in_use(
    elasticsearch_url, index, alias, monkeypatch, moved
):
    """The writer has looked for a build; it is switched to or abandoned before the first request is sent."""
    other = ElasticsearchIndex(elasticsearch_url, alias)
    other.begin_build()
    write_to, turns = ElasticsearchIndex._write_to, []

    def late(self: ElasticsearchIndex, target: str, items: Any) -> Any:
        turns.append(target)
        if len(turns) == 1:
            other.switch(5) if moved == "switch" else other.abandon_build()
        return write_to(self, target, items)

    monkeypatch.setattr(ElasticsearchIndex, "_write_to", late)
    assert words(index.write([article(1)])) == ["written"]
    assert turns == [f"{alias}-building", alias]
    assert index.changes([article(1).id]) == {article(1).id: 1}
    other.close()


@pytest.mark.servers
def test_a_switch_between_the_two_requests_of_a_batch_loses_nothing(
    elasticsearch_url, index, alias, monkeypatch
):
    other = ElasticsearchIndex(elasticsearch_url, alias)
    other.begin_build()
    write_to = ElasticsearchIndex._write_to

    def late(self: ElasticsearchIndex, target: str, items: Any) -> Any:
        if target == alias:
            other.switch(5)
        return write_to(self, target, items)

    monkeypatch.setattr(ElasticsearchIndex, "_write_to", late)
    assert words(index.write([article(1)])) == ["written"]
    assert index.changes([article(1).id]) == {article(1).id: 1}
    other.close()


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
