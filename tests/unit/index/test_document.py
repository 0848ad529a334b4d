"""An article as a document of an index, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from shared.article import Amount, Article, Copy, Entity, Removed, Source, Tag, VerdictWord
from shared.clock import to_ms
from shared.index.document import FIELDS, digest, document, restore, story_key, story_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ARTICLE = Article(
    id="a" * 32,
    source=Source("BBC.com"),
    title="Banks",
    body="Rates rose.",
    ingested_at=NOW,
    language="en-GB",
    published_at=NOW,
    indexed_at=NOW + timedelta(seconds=1),
    word_count=2,
    authors=("Zoë  B. Smith", "ZOE B. SMITH"),
    entities=(Entity("São Paulo", "place"), Entity("Sao Paulo", "organisation"), Entity("O’Neill", "person")),
    embargo_until=NOW,
    removed=(Removed("Share", "share"),),
    topics=(
        Tag("medtop:20000344", "economy", 0.5, broader=("medtop:04000000",)),
        Tag("medtop:04000000", "economy, business and finance", 0.5),
    ),
    copies=(Copy("b" * 32, "C.com"), Copy("c" * 32, "c.com")),
    change=3,
    sort_key=7,
)


def test_a_document_has_what_is_searched_and_the_article_beside_it():
    found = document(ARTICLE)
    assert restore(found.pop("article")) == replace(ARTICLE, removed=())
    assert found == {
        "id": "a" * 32,
        "change": 3,
        "sort_key": 7,
        "state": "usable",
        "is_lead": "true",
        "story_id": "a" * 32,
        "story_key": story_key(ARTICLE),
        "source": "bbc.com",
        "ran_sources": ["bbc.com", "c.com"],
        "domains": ["bbc.com"],
        "ran_domains": ["bbc.com", "c.com"],
        "language": "en-GB",
        "languages": ["en-gb", "en"],
        "topics": ["medtop:20000344", "medtop:04000000"],
        "topic_labels": [
            "economy\tmedtop:20000344\teconomy",
            "economy, business and finance\tmedtop:04000000\teconomy, business and finance",
        ],
        "entities": ["sao paulo", "o'neill"],
        "authors": ["zoe b. smith"],
        "has_image": "false",
        "words": 2,
        "published_ms": 1_772_323_200_000,
        "indexed_ms": 1_772_323_201_000,
        "embargo_ms": 1_772_323_200_000,
        "title_terms": "en/bank",
        "body_terms": "en/rate en/rose",
    }


@pytest.mark.parametrize(
    ("verdict", "is_lead", "field"),
    [
        ("new", True, "true"), ("duplicate", False, "false"), ("version", False, "true"),
        ("excerpt", False, "true"), ("duplicate", True, "true"),
    ],
)  # fmt: skip
def test_only_what_says_the_same_as_its_lead_is_no_lead_for_the_index(verdict, is_lead, field):
    found = document(replace(ARTICLE, verdict=verdict, is_lead=is_lead))
    assert found["is_lead"] == field
    assert restore(found["article"]).is_lead is is_lead


def test_a_source_is_told_of_as_a_copys_only_where_the_copy_is_folded():
    copies = [Copy(f"{n:032x}", f"{word}.com", verdict=word) for n, word in enumerate(get_args(VerdictWord))]
    found = document(replace(ARTICLE, copies=tuple(copies)))
    told = {"bbc.com", "new.com", "duplicate.com"}
    assert set(found["ran_sources"]) == set(found["ran_domains"]) == told


def test_every_field_of_a_document_is_a_known_field():
    full = replace(ARTICLE, expires_at=NOW, duplicate_of="d" * 32, story_id="e" * 32, is_lead=False)
    assert document(full).keys() == FIELDS.keys()


def test_an_article_comes_back_from_json_text_and_from_what_it_was_read_into():
    stored = document(ARTICLE)["article"]
    assert restore(stored.decode()) == restore(json.loads(stored)) == replace(ARTICLE, removed=())


def test_what_is_too_long_for_a_name_is_left_out_and_its_article_kept():
    long, name = "x" * 9_000, "y" * 256
    article = replace(
        ARTICLE,
        authors=(long, name),
        entities=(Entity(long, "person"), Entity(name, "person")),
        topics=(Tag("medtop:1", long, 1.0), Tag("medtop:2", name, 1.0)),
    )
    found = document(article)
    assert found["authors"] == found["entities"] == [name]
    assert found["topic_labels"] == [f"{name}\tmedtop:2\t{name}"]
    assert found["topics"] == ["medtop:1", "medtop:2"]


def test_a_tombstone_keeps_id_and_change_but_no_text():
    found = document(replace(ARTICLE, withdrawn=True))
    kept = restore(found["article"])
    assert (found["state"], found["title_terms"], found["body_terms"]) == ("withdrawn", "", "")
    assert not {"topics", "topic_labels", "entities", "authors", "indexed_ms"} & found.keys()
    assert (kept.id, kept.change, kept.withdrawn, kept.title, kept.body) == ("a" * 32, 3, True, "", "")


def test_a_tombstone_says_since_when_it_is_one():
    gone = NOW + timedelta(days=3)
    assert document(replace(ARTICLE, withdrawn=True, expires_at=gone))["expires_ms"] == to_ms(gone)
    assert document(replace(ARTICLE, withdrawn=True))["expires_ms"] == to_ms(NOW)


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_digest_is_the_same_for_the_article_and_for_what_was_stored_of_it(withdrawn):
    given = replace(ARTICLE, withdrawn=withdrawn, indexed_at=NOW)
    stored = restore(document(given)["article"])
    assert digest(stored) == digest(given) == digest(replace(given, indexed_at=None, removed=()))
    assert len(digest(given)) == 32


def test_an_article_of_no_story_is_filed_under_its_own_id_and_under_its_founders_number():
    founder, member = replace(ARTICLE, story_id=None), replace(ARTICLE, id="b" * 32, story_id="A" * 32)
    assert story_of(founder) == story_of(member) == document(member)["story_id"] == "a" * 32
    assert document(founder)["story_key"] == document(member)["story_key"] == -3_090_978_466_871_701_281
    assert story_key(replace(ARTICLE, story_id="c" * 32)) != story_key(founder)


def test_numbers_of_stories_are_spread_over_64_bits():
    keys = [story_key(replace(ARTICLE, id=f"{number:032x}")) for number in range(1_000)]
    assert len({key >> 48 for key in keys}) > 950
    assert min(keys) < -(1 << 62) < 1 << 62 < max(keys)


@pytest.mark.parametrize(
    "changed",
    [
        {"change": 4},
        {"title": "Other"},
        {"is_lead": False},
        {"copies": ()},
        {"story_id": "e" * 32},
        {"rule": "containment"},
        {"passage": "Rates rose"},
    ],
)
def test_a_digest_minds_whatever_else_is_stored(changed):
    assert digest(replace(ARTICLE, **changed)) != digest(ARTICLE)


@pytest.mark.parametrize(
    "bad",
    [
        {"title": "\ud800"},
        {"body": "x\udfff"},
        {"id": ""},
        {"id": "é" * 257},
        {"id": "\ud800"},
        {"sort_key": 1 << 63},
        {"change": -(1 << 64)},
        {"source": Source("x" * 9_000)},
        {"topics": (Tag("y" * 9_000, "long", 1.0),)},
        {"topics": (Tag("medtop:04000000", "economy", float("nan")),)},
        {"amounts": (Amount("$1e999", float("inf"), "USD"),)},
        {"similarity": float("nan")},
    ],
)
def test_what_no_index_can_hold_is_refused_with_a_reason(bad):
    with pytest.raises(ValueError, match=r"surrogates|bytes|64 bits|longer than|finite"):
        document(replace(ARTICLE, **bad))
