"""The whole stage: one article in, the same article with its tags out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from services.workers.stages.tag import tag_article
from shared.article import Article, Entity, Source

ARTICLE = Article(
    id="0" * 32,
    source=Source("example.org"),
    title="Central bank of Norway keeps rate after record oil profit",
    body=(
        "OSLO - The central bank of Norway left its interest rate at 4.5 percent on Thursday.\n"
        "Governor Solveig Tangen said that inflation was falling. "
        "Oil companies had paid $12 billion in tax.\n"
        "“We can wait,” Tangen said."
    ),
    ingested_at=datetime(2026, 1, 5, tzinfo=UTC),
    language="en",
)


def test_every_kind_of_tag_is_filled_in() -> None:
    tagged = tag_article(ARTICLE)
    assert tagged.topics[0].code == "medtop:04000000"
    assert tagged.topics[0].name == "economy, business and finance"
    assert Entity("Solveig Tangen", "person", 2) in tagged.entities
    assert Entity("Norway", "place", 2) in tagged.entities
    assert "central bank" in {keyword.lower() for keyword in tagged.keywords}
    assert [(amount.value, amount.unit) for amount in tagged.amounts] == [(4.5, "percent"), (12e9, "USD")]


def test_nothing_but_the_tags_changes() -> None:
    tagged = tag_article(ARTICLE)
    assert replace(tagged, topics=(), entities=(), keywords=(), amounts=()) == ARTICLE


def test_the_same_article_gets_the_same_tags_again() -> None:
    once = tag_article(ARTICLE)
    assert tag_article(once) == once


def test_an_empty_article_has_no_tags() -> None:
    empty = replace(ARTICLE, title="", body="")
    assert tag_article(empty) == empty
