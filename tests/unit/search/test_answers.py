"""Which fields an answer shows, and in which order, however they are read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.search.answers import ARTICLE_FIELDS, article_json, hit_json, hits_json
from services.search.why import why
from shared.article import Article, Copy, Source
from shared.codec import to_json
from shared.index.parser import parse_query
from shared.index.port import FoldedStory, Hit

ARTICLE = Article(
    "a" * 32,
    Source("harbour.example"),
    "A title",
    "A body",
    datetime(2026, 11, 27, tzinfo=UTC),
    verdict="duplicate",
    duplicate_of="b" * 32,
    similarity=1.0,
    rule="same-text",
    copies=(Copy("c" * 32, "coast.example"),),
)


def value_of(name: str) -> object:
    return why(ARTICLE) if name == "why" else getattr(ARTICLE, name)


@pytest.mark.parametrize(
    "fields",
    [
        ARTICLE_FIELDS,
        (),
        ("id",),
        ("why",),
        ("title",),
        ("why", "title"),
        ("title", "id", "why", "body"),
        ["title", "url"],
    ],
)
def test_the_chosen_fields_come_in_the_order_chosen_behind_the_id(fields):
    expected = {"id": ARTICLE.id} | {name: value_of(name) for name in fields}
    assert list(article_json(ARTICLE, fields).items()) == list(expected.items())


def test_every_field_is_shown_when_none_is_chosen():
    assert list(article_json(ARTICLE)) == list(ARTICLE_FIELDS)


@pytest.mark.parametrize("fields", [ARTICLE_FIELDS, ("title",), ("copies", "title"), ()])
def test_a_hit_adds_its_own_facts_behind_the_fields(fields):
    own = {"score": 2.5, "highlights": {"title": (), "body": ()}, "copies": ARTICLE.copies, "outlets": 1}
    story = FoldedStory("d" * 32, 3)
    expected = article_json(ARTICLE, fields) | own
    assert list(hit_json(Hit(ARTICLE, 2.5), fields, None).items()) == list(expected.items())
    told = hit_json(Hit(ARTICLE, 2.5, story), fields, None)
    assert list(told.items()) == [*expected.items(), ("story", story)]


@pytest.mark.parametrize(
    "fields", [ARTICLE_FIELDS, (), ("why",), ("title", "copies"), ("id", "title"), ["url"]]
)
@pytest.mark.parametrize("text", ["", "title"])
def test_a_page_of_hits_is_the_same_json_as_its_hits_one_by_one(fields, text):
    lead = replace(ARTICLE, verdict="new", duplicate_of=None, copies=())
    hits = [Hit(ARTICLE, 2.5), Hit(lead, None), Hit(lead, 1.0, FoldedStory("d" * 32, 3)), Hit(ARTICLE, 0.5)]
    marked = parse_query(text)
    one_by_one = [hit_json(hit, fields, marked) for hit in hits]
    assert to_json(hits_json(hits, fields, marked)) == to_json(one_by_one)


def test_two_answers_share_nothing_that_one_could_change():
    first = article_json(ARTICLE)
    first["title"] = "changed"
    assert article_json(ARTICLE)["title"] == "A title"
