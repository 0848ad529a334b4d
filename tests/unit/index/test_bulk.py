"""Bulk lines, pieces and answers: what is sent for a batch, and what each item's answer means."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.article import Article, Copy, Removed, Source
from shared.errors import IndexMissing
from shared.index import bulk
from shared.index.bulk import BulkItem, bulk_item, delete_lines, describe, divide, newest, outcome
from shared.index.document import FIELDS, restore
from shared.index.mapping import index_mapping, index_name, index_settings
from shared.index.port import WriteOutcome

ARTICLE = Article(
    id="a" * 32,
    source=Source("paper.example"),
    title="Harbour reopens",
    body="Ferries sail again.",
    ingested_at=datetime(2026, 3, 1, tzinfo=UTC),
    language="en",
    change=7,
    copies=(Copy("b" * 32, "wire.example"),),
    removed=(Removed("Advertisement", "advertisement"),),
)


def test_an_item_carries_its_change_as_external_version():
    action, source = bulk_item(ARTICLE).lines.splitlines()
    assert json.loads(action) == {"index": {"_id": "a" * 32, "version": 7, "version_type": "external"}}
    assert json.loads(source)["change"] == 7


def test_a_document_is_removed_under_its_own_change_from_its_own_index():
    assert json.loads(delete_lines("news-1", "a", 7)) == {
        "delete": {"_index": "news-1", "_id": "a", "version": 7, "version_type": "external_gte"}
    }


def test_the_source_holds_the_article_in_its_own_words_but_not_what_was_cut():
    source = json.loads(bulk_item(ARTICLE).lines.splitlines()[1])
    assert source["article"]["title"] == "Harbour reopens"
    assert restore(source["article"]) == replace(ARTICLE, removed=())


def test_a_text_that_is_no_unicode_cannot_become_an_item():
    with pytest.raises(ValueError, match="surrogates"):
        bulk_item(replace(ARTICLE, title="\ud800"))


def test_pieces_keep_to_the_number_of_items_and_the_order(monkeypatch):
    monkeypatch.setattr(bulk, "MAX_ITEMS", 3)
    pieces = list(divide([BulkItem(str(number), b"x") for number in range(7)]))
    assert [[item.id for item in piece] for piece in pieces] == [["0", "1", "2"], ["3", "4", "5"], ["6"]]


def test_pieces_keep_to_the_number_of_bytes_and_a_giant_goes_alone(monkeypatch):
    monkeypatch.setattr(bulk, "MAX_BYTES", 10)
    sizes = [4, 4, 4, 50, 4]
    pieces = list(divide([BulkItem(str(size), b"x" * size) for size in sizes]))
    assert [[len(item.lines) for item in piece] for piece in pieces] == [[4, 4], [4], [50], [4]]


def test_nothing_makes_no_piece():
    assert list(divide([])) == []


def test_of_one_id_the_highest_change_is_sent_once():
    changes = [3, 5, 5, 4]
    assert newest([replace(ARTICLE, change=change) for change in changes]) == {1}


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        (200, None, "written"),
        (201, None, "written"),
        (409, "version_conflict_engine_exception", "stale"),
        (400, "document_parsing_exception", "refused"),
        (400, "strict_dynamic_mapping_exception", "refused"),
        (429, "es_rejected_execution_exception", "unavailable"),
        (429, "circuit_breaking_exception", "unavailable"),
        (429, "cluster_block_exception", "unavailable"),
        (403, "cluster_block_exception", "unavailable"),
        (503, "unavailable_shards_exception", "unavailable"),
        (500, "node_closed_exception", "unavailable"),
        (404, "shard_not_found_exception", "unavailable"),
    ],
)
def test_the_answer_of_an_item_is_read_as(status, kind, word):
    error = {} if kind is None else {"error": {"type": kind, "reason": "because"}}
    reason = f"{kind}: because" if word in ("refused", "unavailable") else None
    assert outcome("a", {"status": status, **error}) == WriteOutcome("a", word, reason)


def test_a_missing_alias_stops_the_batch():
    with pytest.raises(IndexMissing, match="no such index"):
        outcome(
            "a",
            {"status": 404, "error": {"type": "index_not_found_exception", "reason": "no such index [x]"}},
        )


def test_a_reason_names_its_causes_and_stays_short():
    error = {"type": "outer", "reason": "failed", "caused_by": {"type": "inner", "reason": "y" * 9_000}}
    told = describe(error)
    assert told.startswith("outer: failed; inner: yyy")
    assert len(told) == 500


def test_the_mapping_knows_every_field_and_no_other():
    mapping = index_mapping()
    assert mapping["properties"].keys() == FIELDS.keys()
    assert mapping["dynamic"] == "strict"


def test_terms_are_searched_but_not_kept_twice():
    mapping = index_mapping()
    assert mapping["_source"]["excludes"] == ["title_terms", "body_terms"]
    assert mapping["properties"]["body_terms"] == {"type": "text", "analyzer": "whitespace"}
    assert mapping["properties"]["article"]["enabled"] is False


def test_the_name_of_an_index_tells_its_version():
    assert index_name("news").startswith("news-v")
    assert index_name("news", 12).endswith("-000012")


def test_shards_and_replicas_are_the_operators_choice():
    assert index_settings(5, 1)["number_of_shards"] == 5
    assert index_settings(5, 1)["number_of_replicas"] == 1
