"""Trends: names, topics or words that stand in unusually many of the newest articles.

A value is a trend when its share of the articles in the window is larger than its share in the time just
before, by more than chance explains. ``score`` is the log-likelihood ratio G² of the four counts (Dunning,
Accurate Methods for the Statistics of Surprise and Coincidence, 1993); half an article is added to those
before, so that not too much is made of what was never seen.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

from shared.errors import InvalidRequest
from shared.index.analysis import locate
from shared.index.document import primary_language
from shared.index.keywords import KEYWORDS
from shared.index.plan import Plan, PlanNode, plan_search
from shared.index.port import Duplicates, FacetCount, Filters, SearchRequest
from shared.index.query import Node, Word
from shared.stories.background import rarity_of

TrendField = Literal["entity", "topic", "word"]

MAX_TRENDS = 50
LEAST_COUNT = 3  # articles in the window; fewer are no trend, whatever was before
LEAST_SCORE = 6.63  # of χ² with one degree of freedom: by chance one value in a hundred scores more
MOST_VALUES = 2_000  # candidates, those with most articles in the window
MOST_TITLES = 500  # of the newest articles in the window, that words are taken from
MOST_WORDS = 100  # candidates, those in most of the titles
LEAST_TITLES = 2
_TICK = timedelta(milliseconds=1)
_POSSESSIVE = re.compile(r"(?<=.)['’ʼ＇][sS]$")


@dataclass(frozen=True, slots=True)
class TrendsRequest:
    """One question for trends: ``query``, ``filters`` and ``duplicates`` as in a search.

    ``window`` is the time up to ``end`` (included), ``before`` that up to the window; both look at
    ``published_at``, whatever ``start`` and ``end`` of the filters are. ``size`` is 1..50.
    """

    now: datetime
    end: datetime
    window: timedelta
    before: timedelta
    query: Node | None = None
    filters: Filters = field(default_factory=Filters)
    duplicates: Duplicates = "fold"
    field: TrendField = "entity"
    size: int = 10


@dataclass(frozen=True, slots=True)
class Span:
    """A time, both ends included, and how many articles of it match: the ``groups`` of a search."""

    start: datetime
    end: datetime
    articles: int


@dataclass(frozen=True, slots=True)
class Trend:
    """A value as a filter reads it (a word: as a query does), and its articles in both times.

    ``expected`` is how many there would be now, were its share of the articles as before.
    """

    value: str
    name: str
    now: int
    before: int
    expected: float
    score: float


@dataclass(frozen=True, slots=True)
class Trends:
    """The values with the highest scores, in order. Counts are exact.

    ``approximate`` when a value may be missing, since there were more candidates than are looked at: words
    are taken from the titles of the newest articles, and need to stand in two of them.
    """

    window: Span
    before: Span
    trends: tuple[Trend, ...]
    approximate: bool = False
    engine_ms: float = 0.0
    partial: bool = False


@dataclass(frozen=True, slots=True)
class TrendsPlan:
    """What is counted: the shown articles of two searches."""

    request: TrendsRequest
    window: Plan
    before: Plan
    edges: tuple[datetime, datetime, datetime]  # where both begin, and where the window ends

    @property
    def column(self) -> str:
        """Where the values of names and topics lie."""
        return KEYWORDS[self.request.field].column(fold=self.request.duplicates == "fold")


class Counting(Protocol):
    """What an engine is asked for; a plan's articles are those that it shows."""

    def total(self, plan: Plan) -> int:
        """How many articles there are."""

    def largest(self, plan: Plan, column: str, size: int) -> tuple[Sequence[FacetCount], bool]:
        """The values with most articles, and whether these are sure to be they, with exact counts."""

    def among(self, plan: Plan, column: str, values: Sequence[str]) -> Mapping[str, int]:
        """How many articles each of these values has, those with none left out."""

    def matching(self, plan: Plan, nodes: Sequence[PlanNode]) -> Sequence[int]:
        """How many articles match each node too; without the last ones when there is no time for them."""

    def titles(self, plan: Plan, most: int) -> Iterable[tuple[str, str]]:
        """Title and language of the newest articles, the newest first."""


def plan_trends(request: TrendsRequest) -> TrendsPlan:
    """Plan trends; raises ``InvalidRequest`` for a size or times out of bounds."""
    if not 1 <= request.size <= MAX_TRENDS:
        raise InvalidRequest("size", f"size must be between 1 and {MAX_TRENDS}")
    for name, length in (("window", request.window), ("before", request.before)):
        if length < _TICK:
            raise InvalidRequest(name, f"{name} must be a time of a millisecond or more")
    end = request.end - timedelta(microseconds=request.end.microsecond % 1_000)  # as the index tells moments
    try:
        begin = end - request.window
        edges = (begin - request.before, begin, end)
    except OverflowError as error:
        raise InvalidRequest("to", "is so early that there is no time before it") from error
    return TrendsPlan(request, _search(request, begin, end), _search(request, edges[0], begin - _TICK), edges)


def find_trends(plan: TrendsPlan, engine: Counting) -> Trends:
    """The trends, out of what an engine counts."""
    first, begin, end = plan.edges
    window = Span(begin, end, engine.total(plan.window))
    before = Span(first, begin - _TICK, engine.total(plan.before))
    if not window.articles or not before.articles:
        return Trends(window, before, ())  # without a before nothing can be unusual
    if plan.request.field == "word":
        counted, exact = _count_words(plan, engine, window.articles)
    else:
        counted, exact = _count_values(plan, engine)
    trends = [
        Trend(one.value, one.name, one.now, one.before, *judge(one.now, one.before, window, before))
        for one in counted
    ]
    unusual = [one for one in trends if one.now > one.expected and one.score >= LEAST_SCORE]
    ranked = sorted(unusual, key=lambda one: (-one.score, -one.now, one.value))
    return Trends(window, before, tuple(ranked[: plan.request.size]), not exact)


def judge(now: int, before: int, window: Span, earlier: Span) -> tuple[float, float]:
    """How many articles were to be expected, and the score; both rounded to two decimals."""
    # A cluster counts the articles by one request and the value by another, perhaps after a write.
    there, many = max(window.articles, now), max(earlier.articles, before) + 0.5
    some, seen = before + 0.5, float(now)
    share = (seen + some) / (there + many)
    score = sum(
        _surprise(count, total, share)
        for count, total in ((seen, there), (some, many))
    )  # fmt: skip
    return round(some * there / many, 2), round(2 * score, 2)


def _surprise(count: float, total: float, share: float) -> float:
    """The log-likelihood ratio of ``count`` of ``total`` where ``share`` of them is the rule."""
    rest = total - count
    found = count * math.log(count / (total * share)) if count else 0.0
    return found + (rest * math.log(rest / (total * (1 - share))) if rest else 0.0)


@dataclass(frozen=True, slots=True)
class _Counted:
    value: str
    name: str
    now: int
    before: int


def _search(request: TrendsRequest, start: datetime, end: datetime) -> Plan:
    filters = replace(request.filters, start=start, end=end)
    search = SearchRequest(
        request.now, request.query, filters, request.duplicates, sort="newest", size=0
    )  # fmt: skip
    return plan_search(search)


def _count_values(plan: TrendsPlan, engine: Counting) -> tuple[list[_Counted], bool]:
    largest, exact = engine.largest(plan.window, plan.column, MOST_VALUES)
    frequent = [one for one in largest if one.count >= LEAST_COUNT]
    before = engine.among(plan.before, plan.column, [one.value for one in frequent]) if frequent else {}
    counted = [_Counted(one.value, one.value, one.count, before.get(one.value, 0)) for one in frequent]
    return counted, exact and len(frequent) < MOST_VALUES


def _count_words(plan: TrendsPlan, engine: Counting, articles: int) -> tuple[list[_Counted], bool]:
    words = _words_of(engine.titles(plan.window, MOST_TITLES))
    exact = articles <= MOST_TITLES and len(words) <= MOST_WORDS
    words = words[:MOST_WORDS]
    now = _count(engine, plan, plan.window, [value for value, _ in words])
    frequent = [(value, name, now[value]) for value, name in words if now.get(value, 0) >= LEAST_COUNT]
    before = _count(engine, plan, plan.before, [value for value, _, _ in frequent])
    counted = [
        _Counted(value, name, count, before[value]) for value, name, count in frequent if value in before
    ]
    return counted, exact


def _count(engine: Counting, plan: TrendsPlan, search: Plan, words: Sequence[str]) -> dict[str, int]:
    nodes = [plan_search(SearchRequest(plan.request.now, Word(word), size=0)).scored for word in words]
    return dict(zip(words, engine.matching(search, nodes) if nodes else (), strict=False))


def _words_of(titles: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The words that say something, as to look for and as most titles have them, in most titles first."""
    counts: Counter[str] = Counter()
    written: dict[str, Counter[str]] = {}
    for title, language in titles:
        for term, text in _terms_of(title, language).items():
            counts[term] += 1
            written.setdefault(term, Counter())[text] += 1
    names = {term: forms_of.most_common(1)[0][0] for term, forms_of in written.items()}
    words: dict[str, str] = {}  # what two languages have alike is looked for once
    for term, count in counts.most_common():
        if count >= LEAST_TITLES:
            words.setdefault(names[term].lower(), names[term])
    return list(words.items())


def _terms_of(title: str, language: str) -> dict[str, str]:
    """The terms of a title, each with the word it is of."""
    primary = primary_language(language)
    found: dict[str, str] = {}
    for term, start, end in locate(title, language):
        bare = term.rpartition("/")[2]
        if len(bare) > 1 and any(map(str.isalpha, bare)) and rarity_of(term, primary) > 0:
            found.setdefault(term, _POSSESSIVE.sub("", title[start:end]))
    return found
