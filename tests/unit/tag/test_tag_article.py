"""The whole stage: one article in, the same article with its tags out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    assert replace(tagged, topics=(), entities=(), keywords=(), amounts=(), vocabulary=None) == ARTICLE


def test_the_same_article_gets_the_same_tags_again() -> None:
    once = tag_article(ARTICLE)
    assert tag_article(once) == once


def test_an_empty_article_has_no_tags() -> None:
    empty = replace(ARTICLE, title="", body="")
    assert tag_article(empty) == replace(empty, vocabulary=tag_article(ARTICLE).vocabulary)


@settings(max_examples=150, deadline=None)
@given(
    title=st.text(max_size=60),
    body=st.text(max_size=400),
    language=st.sampled_from(("en", "de", "ar", "und", "xx")),
)
def test_any_text_is_tagged_and_twice_the_same(title: str, body: str, language: str) -> None:
    article = replace(ARTICLE, title=title, body=body, language=language)
    tagged = tag_article(article)
    assert tag_article(tagged) == tagged
    assert all(0 < tag.score < 1 and tag.evidence for tag in tagged.topics)
    assert all(entity.name.strip() and entity.count > 0 for entity in tagged.entities)


@pytest.mark.parametrize(
    "piece",
    [
        "Aa Bb\n",
        "Bank of Oslo of ",
        "The Big Day\n",
        "$5-7 to 9% ",
        "9",
        "(",
        "’s ",
        "M.",
        "dollars ",
        "a\n",
        "中",
        "🙂 ",
    ],
)
def test_a_hostile_body_takes_time_in_proportion_to_its_length(piece: str) -> None:
    body = piece * (200_000 // len(piece))
    began = process_time()
    tagged = tag_article(replace(ARTICLE, title=body[:1000], body=body))
    assert tagged.body == body
    assert process_time() - began < 5  # a quadratic step would take minutes; most take half a second
