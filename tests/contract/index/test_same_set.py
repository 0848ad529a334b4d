"""Generated articles and queries: each adapter finds exactly what the definition of the query says.

The definition stands in ``corpus.holds``; it uses the analysis, but neither the plan nor an engine. The
adapters therefore agree with one another as well.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from shared.article import Copy
from shared.errors import InvalidRequest
from shared.index.document import story_of
from shared.index.parser import parse_query
from shared.index.port import Filters
from shared.index.printer import print_query
from shared.index.query import And, DateMath, Keyword, Near, Node, Not, Or, Phrase, Prefix, Range, Word
from tests.contract.index.corpus import (
    ECONOMY,
    MATH,
    NOW,
    SPORT,
    VOCABULARY,
    article,
    ask,
    fill,
    holds,
    is_folded,
    is_visible,
    numbers,
)

ARTICLES = 120
QUERIES = 250
KINDS = (
    "word", "word", "phrase", "prefix", "near", "near", "keyword", "range", "and", "or", "not",
)  # fmt: skip
LANGUAGES = ("en", "en-GB", "de", "fr", "es", "und", "ja", "nl")
STORIES = Filters(story=tuple(f"{number:032x}" for number in range(5, 60)))
SOURCES = ("a.com", "b.com", "c.com")
COPIED = ("duplicate", "duplicate", "version", "excerpt")
BEGINNINGS = (
    "run", "runn", "runni", "Runs", "hau", "häus", "eco", "econom", "économi", "economie", "ban", "cov",
    "202", "nac", "nació", "nacion", "the", "éta", "diese", "東京", "東京都",
)  # fmt: skip


def generated_article(number: int, chance: random.Random):
    lead = chance.random() < 0.7
    copies = tuple(
        Copy(f"{n:032x}", chance.choice(SOURCES), verdict=chance.choice(COPIED))
        for n in range(chance.choice((0, 0, 1, 2)))
    )
    return article(
        number,
        " ".join(chance.choices(VOCABULARY, k=3)),
        "\n".join(" ".join(chance.choices(VOCABULARY, k=4)) for _ in range(2)),
        source=chance.choice(SOURCES),
        language=chance.choice(LANGUAGES),
        topics=tuple(tag for tag in (ECONOMY, SPORT) if chance.random() < 0.4),
        published_at=None if chance.random() < 0.1 else NOW - timedelta(days=chance.randrange(10)),
        is_lead=lead,
        verdict="new" if lead else chance.choice(COPIED),
        copies=copies if lead else (),
        pub_status=chance.choice(("usable",) * 8 + ("withheld",)),
        embargo_until=NOW + timedelta(hours=chance.choice((-1, 1))) if chance.random() < 0.2 else None,
        expires_at=NOW + timedelta(hours=chance.choice((-1, 1))) if chance.random() < 0.2 else None,
        withdrawn=chance.random() < 0.05,
        story_id=f"{chance.randrange(30):032x}" if chance.random() < 0.8 else None,
    )


def asked_query(chance: random.Random, depth: int = 3) -> Node:
    """A generated query of a size that the language allows."""
    while True:
        query = generated_query(chance, depth)
        with suppress(InvalidRequest):
            parse_query(print_query(query), 10_000)
            return query


def generated_query(chance: random.Random, depth: int = 3) -> Node:
    kind = chance.choice(KINDS if depth else ("word",))
    match kind:
        case "word":
            return Word(chance.choice(VOCABULARY), chance.choice((None, None, "title", "body")))
        case "phrase":
            words = " ".join(chance.choices(VOCABULARY, k=chance.choice((1, 2, 2, 3))))
            return Phrase(words, chance.choice((None, "title", "body")))
        case "prefix":
            field = chance.choice((None, None, "title", "body", "source"))
            return Prefix(chance.choice(("a.co", "b.com", "sou") if field == "source" else BEGINNINGS), field)
        case "near":
            left = generated_side(chance)
            return Near(
                left,
                left if chance.random() < 0.15 else generated_side(chance),
                chance.choice((1, 1, 2, 2, 3, 4, 5, 8, 20)),
                chance.choice((None, None, "title", "body")),
            )
        case "keyword":
            return chance.choice(
                (
                    Keyword("source", chance.choice(SOURCES)),
                    Keyword("language", chance.choice(("en", "en-GB", "und", "xx"))),
                    Keyword(
                        "topic", chance.choice(("medtop:04000000", "medtop:20000344", "medtop:15000000"))
                    ),
                )
            )
        case "range":
            if chance.random() < 0.5:
                return generated_math(chance)
            start = NOW - timedelta(days=chance.randrange(10))
            return Range(*chance.choice(((start, None), (None, start), (start, start + timedelta(days=2)))))
        case "not":
            return Not(generated_query(chance, depth - 1))
        case _:
            children = tuple(generated_query(chance, depth - 1) for _ in range(chance.choice((2, 2, 3))))
            return And(children) if kind == "and" else Or(children)


def generated_side(chance: random.Random) -> tuple[Word | Phrase, ...]:
    return tuple(
        Phrase(" ".join(chance.choices(VOCABULARY, k=2)))
        if chance.random() < 0.2
        else Word(chance.choice(VOCABULARY))
        for _ in range(chance.choice((1, 1, 2, 3)))
    )


def generated_math(chance: random.Random) -> Range:
    first, second = chance.choices(list(MATH), k=2)
    if chance.random() < 0.4:
        excluded = chance.random() < 0.5
        one = DateMath(first, excluded)
        return Range(one, None) if chance.random() < 0.5 else Range(None, one)
    first, second = sorted((first, second), key=lambda text: (MATH[text][0], MATH[text][1]))
    if MATH[second][1] < MATH[first][0]:
        return Range(DateMath(first), None)
    return Range(DateMath(first), DateMath(second))


def test_generated_queries_find_what_their_definition_says(index):
    chance = random.Random(3)
    articles = [generated_article(number, chance) for number in range(ARTICLES)]
    fill(index, *articles)
    fill(index, *(replace(one, change=2) for one in articles[::7]))  # rewritten, with deletions underneath
    found_some = 0
    for _ in range(QUERIES):
        query = asked_query(chance)
        duplicates = chance.choice(("fold", "keep", "only"))
        fold = duplicates == "fold"
        filters = chance.choice(
            (Filters(), Filters(source=("a.com",)), Filters(not_topic=("medtop:04000000",)), STORIES)
        )
        wanted = {
            number
            for number, one in enumerate(articles)
            if is_visible(one, NOW)
            and holds(query, one, fold=fold)
            and holds(as_node(filters), one, fold=fold)
            and (filters is not STORIES or story_of(one) in STORIES.story)
        }
        folded = {number for number in wanted if is_folded(articles[number])}
        shown = {"fold": wanted - folded, "keep": wanted, "only": folded}[duplicates]
        sort = chance.choice(("relevance", "newest", "oldest"))
        asked = {"duplicates": duplicates, "filters": filters, "sort": sort}
        page = ask(index, query, **asked)
        text = f"{print_query(query)} ({duplicates}, {filters})"
        assert set(numbers(page)) == shown, text
        matched = wanted if fold else shown
        assert (page.groups, page.articles) == (len(shown), len(matched)), text
        stories = ask(index, query, stories="fold", **asked)
        firsts = {story_of(articles[number]): number for number in reversed(numbers(page))}
        assert numbers(stories) == [n for n in numbers(page) if n in firsts.values()], text
        assert (stories.groups, stories.articles) == (len(firsts), len(matched)), text
        sizes = Counter(story_of(articles[number]) for number in matched)
        assert [hit.story.articles for hit in stories.hits] == [sizes[hit.story.id] for hit in stories.hits]
        found_some += bool(shown)
    assert found_some > QUERIES // 3  # else the comparison would say little


def as_node(filters: Filters) -> Node | None:
    if filters is STORIES:
        return None
    if filters.source:
        return Keyword("source", filters.source[0])
    return Not(Keyword("topic", filters.not_topic[0])) if filters.not_topic else None


def test_a_printed_query_finds_the_same_set(index):
    chance = random.Random(5)
    fill(index, *(generated_article(number, chance) for number in range(60)))
    for _ in range(30):
        query = asked_query(chance, 2)
        again = parse_query(print_query(query), 10_000)
        assert numbers(ask(index, query)) == numbers(ask(index, again))
