"""Articles for the contract of the index, and what must match them, said without any engine or plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from shared.article import Article, Source, Tag
from shared.index.analysis import UNSTEMMED, fold, locate, terms
from shared.index.keywords import KEYWORDS
from shared.index.parser import parse_query
from shared.index.port import ArticleIndex, SearchPage, SearchRequest
from shared.index.query import (
    And,
    DateMath,
    Keyword,
    Moment,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Prefix,
    Range,
    Word,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ECONOMY = Tag("medtop:20000344", "economy", 0.8, ("rates",), ("medtop:04000000",))
SPORT = Tag("medtop:15000000", "sport", 0.9, ("match",))
# Few words, in forms that meet after stemming and folding, so that chance meetings are common.
VOCABULARY = (
    "run", "running", "Runs", "haus", "Häuser", "économie", "economies", "banks", "bank", "bank's",
    "U.S.", "us", "COVID-19", "2026", "東京", "京都", "東京都", "die", "the", "nación", "naciones", "l'état",
)  # fmt: skip
_DAY = datetime(2026, 3, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
# Date math at NOW: the first and the last moment of what it means, worked out by hand.
MATH = {
    "now": (NOW, NOW),
    "now-3d": (NOW - timedelta(days=3), NOW - timedelta(days=3)),
    "now-36h": (datetime(2026, 2, 28, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC)),
    "now/d": (_DAY, _DAY + timedelta(days=1) - _MS),
    "now-2d/d": (_DAY - timedelta(days=2), _DAY - timedelta(days=1) - _MS),
    "now/w": (datetime(2026, 2, 23, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC) - _MS),
    "now-1M/M": (datetime(2026, 2, 1, tzinfo=UTC), _DAY - _MS),
    "2026-01-31||+1M": (datetime(2026, 2, 28, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC)),
}


def article(
    number: int, title: str = "A quiet day", body: str = "Nothing happened.", **given: Any
) -> Article:
    """An article whose id and place in time follow from its number; ``source`` may be given as an id."""
    source = given.pop("source", "example.com")
    made = Article(
        id=f"{number:032x}",
        source=Source(source) if isinstance(source, str) else source,
        title=title,
        body=body,
        ingested_at=NOW - timedelta(minutes=1),
        published_at=NOW - timedelta(days=100) + timedelta(hours=number),
        language="en",
        revision=1,
        change=1,
        sort_key=1_000_000 + number,
    )
    return replace(made, **given)


def fill(index: ArticleIndex, *articles: Article) -> None:
    """Write articles that must all be taken, and make them searchable."""
    assert [outcome.word for outcome in index.write(articles)] == ["written"] * len(articles)
    index.refresh()


def ask(index: ArticleIndex, query: str | Node = "", **given: Any) -> SearchPage:
    """Search as the search service does; ``now`` is NOW unless given."""
    tree = parse_query(query) if isinstance(query, str) else query
    request = {"now": NOW, "size": 100, "query": tree, **given}
    return index.search(SearchRequest(**request))


def numbers(page: SearchPage) -> list[int]:
    """The numbers of the found articles, in order."""
    return [int(hit.article.id, 16) for hit in page.hits]


def matched(index: ArticleIndex, query: str | Node = "", **given: Any) -> set[int]:
    """The numbers of the articles a query finds."""
    return set(numbers(ask(index, query, **given)))


def is_visible(one: Article, now: datetime) -> bool:
    """The visibility rule in plain words."""
    return (
        one.pub_status == "usable"
        and not one.withdrawn
        and (one.embargo_until is None or one.embargo_until <= now)
        and (one.expires_at is None or one.expires_at > now)
    )


def is_folded(one: Article) -> bool:
    """What is shown under its lead alone, in plain words: a copy that says the same, and nothing else."""
    return not one.is_lead and one.verdict == "duplicate"


def holds(node: Node | None, one: Article, *, fold: bool = True) -> bool:
    """Whether a query is true of an article, by the definition of each node."""
    match node:
        case None:
            return True
        case Word(text, field) | Phrase(text, field):
            return any(
                _contains(terms(where, one.language).split(), terms(text, one.language).split())
                for name, where in (("title", one.title), ("body", one.body))
                if field in (None, name)
            )
        case Keyword(field=name, value=value):
            return value.lower() in _values(name, one, fold=fold)
        case Prefix(text, field) if field in KEYWORDS:
            return any(value.startswith(text.lower()) for value in _values(field, one, fold=fold))
        case Prefix(text, field) if "東" in text:  # where words are not divided a star adds nothing
            return holds(Word(text, field), one, fold=fold)
        case Prefix(text, field):
            return any(
                term in _continuations(text, one.language)
                for name, where in (("title", one.title), ("body", one.body))
                for term in terms(where, one.language).split()
                if field in (None, name)
            )
        case Near(left, right, distance, field):
            return any(
                0 <= max(start - other_end, other_start - end) < distance
                for name, where in (("title", one.title), ("body", one.body))
                if field in (None, name)
                for start, end in _places(left, where, one.language)
                for other_start, other_end in _places(right, where, one.language)
            )
        case Range(start, end):
            moment = one.published_at
            return moment is not None and _begin(start, moment) <= moment <= _end(end, moment)
        case And(children):
            return all(holds(child, one, fold=fold) for child in children)
        case Or(children):
            return any(holds(child, one, fold=fold) for child in children)
        case Not(child):
            return not holds(child, one, fold=False)  # who wants none of a source means its own articles


@cache
def _continuations(text: str, language: str) -> set[str]:
    """The terms of all words there are that begin so: who has one of these has such a word in some form."""
    words = {word[start:end] for word in VOCABULARY for _, start, end in locate(word, UNSTEMMED)}
    return {terms(word, language) for word in words if fold(word).startswith(fold(text))}


def _places(side: tuple[Word | Phrase, ...], where: str, language: str) -> list[tuple[int, int]]:
    """From which to which word one of the side's stands; what lies between two may be less than nothing."""
    words = terms(where, language).split()
    sought = [terms(one.text, language).split() for one in side]
    return [
        (at, at + len(what))
        for what in sought
        for at in range(len(words))
        if words[at : at + len(what)] == what
    ]


def _begin(start: Moment | None, moment: datetime) -> datetime:
    if isinstance(start, DateMath):
        return MATH[start.text][1] + _MS if start.excluded else MATH[start.text][0]
    return start or moment


def _end(end: Moment | None, moment: datetime) -> datetime:
    if isinstance(end, DateMath):
        return MATH[end.text][0] - _MS if end.excluded else MATH[end.text][1]
    return end or moment


def _contains(where: list[str], what: list[str]) -> bool:
    return any(where[at : at + len(what)] == what for at in range(len(where) - len(what) + 1))


def _values(name: str, one: Article, *, fold: bool) -> set[str]:
    if name == "source":
        ran = {copy.source.lower() for copy in one.copies if copy.verdict == "duplicate"}
        return {one.source.id.lower()} | (ran if fold else set())
    if name == "topic":
        return {code.lower() for tag in one.topics for code in (tag.code, *tag.broader)}
    return {one.language.lower(), one.language.lower().split("-")[0]}
