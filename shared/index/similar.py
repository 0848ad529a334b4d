"""Articles like a text: which of its words say most about it, and how many of them an article must have.

By TF-IDF: a word weighs by how often the text has it, where (``shared.stories.features`` says what a title
and a lead are worth), and by how rare it is in the index; in a small one also by how rare it is in general.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import nsmallest

from shared.article import Article
from shared.errors import InvalidRequest
from shared.frequencies import Frequencies
from shared.index.analysis import STEMMED, UNSTEMMED, forms, locate, terms
from shared.index.document import primary_language
from shared.index.plan import AllOf, AnyOf, KeywordAny, NoneOf, Plan, TermAny, plan_search
from shared.index.port import Duplicates, Filters, SearchPage, SearchRequest
from shared.stories.background import UNKNOWN, guess_language, rarity_of
from shared.stories.features import IN_LEAD, IN_TITLE, LEAD, OF_NUMBERS

MAX_SIMILAR = 50  # hits
MAX_TEXT_CHARS = 100_000  # that are read of a text: a tenth of a second
MOST_TERMS = 25
BEST = 100  # the weight of the best term; whole numbers, so that both engines add up the same scores
# Of 25 terms a hit has four. On 300 BBC stories of five desks 83 % of the first ten hits were of the same
# desk then, and 2 % of the stories had no hit; with three it was 75 %, with five 91 % and no hit for 10 %.
LEAST_SHARE = 0.16
_ASKED = 300  # words whose frequencies are wanted
_BACKGROUND_DOCUMENTS = 100  # what is known in general counts as so many documents beside the index's own

Ask = Callable[[str, Sequence[str]], Frequencies]


@dataclass(frozen=True, slots=True)
class SimilarRequest:
    """One text, and which of the articles like it are wanted; ``filters`` and ``duplicates`` as in a search.

    ``language`` is the text's (BCP 47); with ``und`` its words are looked for in every language. ``family``
    are the ids of the article that the text is of, of its lead, and of the lead's copies: none of them, and
    no other copy of one of them, is a hit. ``copies`` says how many of the family have the text itself, so
    that a word that no others have is looked for in vain. ``size`` is 1..50.
    """

    now: datetime
    title: str
    body: str
    language: str = UNKNOWN
    filters: Filters = field(default_factory=Filters)
    duplicates: Duplicates = "fold"
    size: int = 20
    family: tuple[str, ...] = ()
    copies: int = 0


@dataclass(frozen=True, slots=True)
class Earned:
    """A word as the text first has it, and what an article scores for having it, 1..100."""

    term: str
    weight: int


@dataclass(frozen=True, slots=True)
class Similar:
    """The articles like a text, best first, then newest first.

    ``terms`` are the words that were looked for, ``by`` for each hit those that it has: its score is the sum
    of their weights. A word that stands in the body of no other article is not looked for; where too few
    are left there are no terms, and no hits.
    """

    page: SearchPage
    terms: tuple[Earned, ...] = ()
    by: tuple[tuple[Earned, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class LookedFor:
    """A word of the text: the index terms that it may stand as, any of them in title or body."""

    earned: Earned
    forms: frozenset[str]

    def node(self) -> AnyOf:
        """What finds it."""
        found = tuple(sorted(self.forms))
        return AnyOf((TermAny("title_terms", found), TermAny("body_terms", found)))


@dataclass(frozen=True, slots=True)
class SimilarPlan:
    """``search`` says what may be a hit, and how many are wanted; a hit has ``least`` of the words."""

    search: Plan
    words: tuple[LookedFor, ...]
    least: int


@dataclass(slots=True)
class _Word:
    """A word of the text, with how many mentions it is worth, and how rare it is."""

    text: str
    worth: float = 0.0
    rarity: float = 0.0
    in_body: bool = False

    def weight(self, rarity: float) -> float:
        """What it says about the text; the tenth mention adds less than the second."""
        numbers = 1.0 if any(map(str.isalpha, self.text)) else OF_NUMBERS
        return (1 + math.log(max(1.0, self.worth))) * rarity * numbers


def plan_similar(request: SimilarRequest, ask: Ask) -> SimilarPlan | None:
    """Plan a search for articles like a text; None where no other article has enough words of it.

    ``ask`` tells how common words of a language are. Raises ``InvalidRequest`` for a size out of bounds.
    """
    if not 1 <= request.size <= MAX_SIMILAR:
        raise InvalidRequest("size", f"size must be between 1 and {MAX_SIMILAR}")
    words = _read(request)
    rarities = _rarities(request, words, ask)
    weighed = [(-word.weight(rarities[word.text]), place) for place, word in enumerate(words)
               if word.text in rarities]  # fmt: skip
    best = [(-weight, words[place]) for weight, place in nsmallest(MOST_TERMS, weighed)]
    # One word says that two texts are alike only where the text has no other.
    least = max(min(2, len(words)), math.ceil(LEAST_SHARE * len(best)))
    if len(best) < max(1, least):
        return None
    looked_for = tuple(
        LookedFor(
            Earned(word.text, max(1, round(BEST * weight / best[0][0]))), _forms(word.text, request.language)
        )
        for weight, word in best
    )
    return SimilarPlan(_plan(request), looked_for, least)


def earned_by(plan: SimilarPlan, article: Article) -> tuple[Earned, ...]:
    """Those of the words that an article has."""
    there = set(terms(article.title, article.language).split())
    there.update(terms(article.body, article.language).split())
    return tuple(word.earned for word in plan.words if not there.isdisjoint(word.forms))


def make_similar(plan: SimilarPlan, page: SearchPage) -> Similar:
    """The answer out of a page of hits; it tells no word that stands in none of them.

    Words are weighed by all documents: one that a withheld article alone has must not be told by this.
    """
    by = tuple(earned_by(plan, hit.article) for hit in page.hits)
    seen = {one for earned in by for one in earned}
    return Similar(page, tuple(word.earned for word in plan.words if word.earned in seen), by)


def _plan(request: SimilarRequest) -> Plan:
    search = SearchRequest(
        request.now, filters=request.filters, duplicates=request.duplicates, size=request.size
    )
    plan = plan_search(search)
    filters = plan.filters.children
    if request.family:
        columns = ("id", "duplicate_of")
        filters += tuple(NoneOf(KeywordAny(column, request.family)) for column in columns)
    return replace(plan, sort="relevance", filters=AllOf(filters))


def _read(request: SimilarRequest) -> list[_Word]:
    """The words that say something, those that say most in general first."""
    title, body = request.title[:MAX_TEXT_CHARS], request.body[:MAX_TEXT_CHARS]
    analysed, spoken = _languages(request, f"{title}\n{body[:LEAD]}")
    words: dict[str, _Word] = {}
    for text, worth in ((title, IN_TITLE), (body[:LEAD], IN_LEAD), (body[LEAD:], 1.0)):
        for term, start, end in locate(text, analysed):
            if len(term.rpartition("/")[2]) > 1:
                word = words.setdefault(term, _Word(text[start:end]))
                word.worth += worth
                word.in_body |= text is not title
    for term, word in words.items():
        word.rarity = rarity_of(term if analysed == spoken else terms(word.text, spoken), spoken)
    found = {word.text: word for word in words.values() if word.rarity > 0}  # no text twice
    ranked = [(-word.weight(word.rarity), place) for place, word in enumerate(found.values())]
    listed = list(found.values())
    return [listed[place] for _, place in nsmallest(_ASKED, ranked)]


def _languages(request: SimilarRequest, top: str) -> tuple[str, str]:
    """The language that the words are told apart by, and the one whose empty words are left out."""
    language = primary_language(request.language)
    if language != UNKNOWN:
        return language, language
    return UNSTEMMED, guess_language([top[start:end] for _, start, end in locate(top, UNSTEMMED)])


def _forms(word: str, language: str) -> frozenset[str]:
    if primary_language(language) == UNKNOWN:
        return frozenset(term for sequence in forms(word) for term in sequence)
    return frozenset(terms(word, language).split())


def _rarities(request: SimilarRequest, words: Sequence[_Word], ask: Ask) -> dict[str, float]:
    """How rare each word is that other articles have too."""
    told = list(_frequencies(request.language, [word.text for word in words], ask)) if words else []
    counts = {word.text: sum(one.counts.get(word.text, 0) for one in told) for word in words}
    # Words without a stem are counted in all languages that have none, and may be more than the documents.
    documents = max([sum(one.documents for one in told), *counts.values()]) + _BACKGROUND_DOCUMENTS
    found: dict[str, float] = {}
    for word in words:
        elsewhere = counts[word.text] - (request.copies if word.in_body else 0)
        if elsewhere > 0:
            share = (elsewhere + math.exp(-word.rarity) * _BACKGROUND_DOCUMENTS) / documents
            found[word.text] = -math.log(share)
    return found


def _frequencies(language: str, words: Sequence[str], ask: Ask) -> Iterator[Frequencies]:
    primary = primary_language(language)
    for one in (UNKNOWN, *STEMMED) if primary == UNKNOWN else (primary,):
        yield ask(one, words)


def family_of(article: Article, lead: Article | None) -> tuple[str, ...]:
    """The ids of an article, its lead and the lead's copies, as far as they are known."""
    known: Iterable[Article] = (article,) if lead is None else (article, lead)
    ids = (one for member in known for one in (member.id, *(copy.id for copy in member.copies)))
    return tuple(dict.fromkeys((*ids, *((article.duplicate_of,) if article.duplicate_of else ()))))


def copies_of(article: Article, lead: Article | None) -> int:
    """How many of the family have an article's text: itself, its lead, and copies that are no rewrites."""
    top = article if lead is None else lead
    same = sum(copy.verdict == "duplicate" and copy.id != article.id for copy in top.copies)
    return 1 + same + (lead is not None)
