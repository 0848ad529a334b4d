"""What a search costs on tantivy, guessed before it runs: only a dear one is done in slices, and few are.

The guess is of the work of one processor core as measured on an index of 170,000 articles. It need not be
good: a cheap search taken for a dear one loses some milliseconds, and time is measured as slices are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from tantivy import Searcher

from shared.index.facets import FacetPlan
from shared.index.plan import AllOf, AnyOf, NearAny, NoneOf, PhraseAny, Plan, PlanNode, PrefixAny, TermAny

DEAR_SECONDS = 0.5  # what is guessed to take longer is done in slices
_TERM = 40e-9  # seconds for each document that has a term
_PHRASE = 50e-9  # ... that may have a phrase, and each of its terms
_PREFIX = 40e-9  # ... of the index, and each prefix
_OTHER = 5e-9  # ... of the index, for a filter
_VALUE = 100e-9  # ... that matches, and each facet
_HIT = 20e-6  # ... that stands before the page, where hits are ordered by score
# A story's hits are found, the stories estimated and counted, and the articles of the page's.
STORY_PASSES = 5
# The first and the last article are looked for, then the values, the buckets, those of the values, and all.
TIMELINE_PASSES = 5

NOTHING = NoneOf(AllOf(()))
# How many documents have a term in a field.
Frequency = Callable[[str, str], int]


@dataclass(frozen=True, slots=True)
class Cost:
    """The seconds that it takes to find what a node matches, and how many documents those are at most."""

    seconds: float
    most: int


def guess_dear(
    searcher: Searcher,
    plan: Plan,
    facets: Sequence[FacetPlan] = (),
    *,
    passes: int = 1,
    least: float = DEAR_SECONDS,
) -> float:
    """The seconds that a search would take, or 0 where that is less than ``least``.

    ``passes`` is how often it goes through all that matches; facets and stories come on top. Terms are
    looked up only where the number of documents alone does not tell: a simple search would lose more by that
    than by anything else here.
    """
    number = searcher.num_docs
    for frequency in (lambda _field, _term: number, cache(searcher.doc_freq)):
        seconds = _search(plan, facets, passes, number, frequency)
        if seconds < least:
            return 0.0
    return seconds


def _search(plan: Plan, facets: Sequence[FacetPlan], passes: int, number: int, frequency: Frequency) -> float:
    found = cost(AllOf((plan.scored, plan.filters)), number, frequency)
    ways = len({facet.filters for facet in facets})  # each goes through the matches anew
    loose = found
    if ways:
        wider = (AllOf((plan.scored, facet.filters)) for facet in facets)
        loose = max((cost(one, number, frequency) for one in wider), key=lambda one: one.most)
    stories = STORY_PASSES if plan.by_story else 0
    ranked = plan.offset * _HIT if plan.sort == "relevance" else 0.0
    counted = ways * loose.seconds + len(facets) * loose.most * _VALUE
    return (passes + stories) * found.seconds + ranked + counted


def cost(node: PlanNode, number: int, frequency: Frequency) -> Cost:
    """The cost of a node in an index of ``number`` documents."""
    match node:
        case TermAny(field, terms):
            # Each article has the terms of one language, and those that no language has changed.
            most = min(2 * number, sum(frequency(field, term) for term in terms))
            return Cost(most * _TERM, min(number, most))
        case PhraseAny(field, phrases):
            return _phrases(number, [(_rarest(field, phrase, frequency), len(phrase)) for phrase in phrases])
        case NearAny(field, pairs, distance):
            return _near(field, pairs, distance, number, frequency)
        case PrefixAny(_, starts):
            return Cost(len(starts) * number * _PREFIX, number)
        case AllOf(children):
            made = [cost(child, number, frequency) for child in children]
            positive = [
                one.most for one, child in zip(made, children, strict=True) if not isinstance(child, NoneOf)
            ]
            return Cost(sum(one.seconds for one in made), min([number, *positive]))
        case AnyOf(children):
            made = [cost(child, number, frequency) for child in children]
            return Cost(sum(one.seconds for one in made), min(number, sum(one.most for one in made)))
        case NoneOf(child):
            return Cost(cost(child, number, frequency).seconds, number)
        case _:
            return Cost(number * _OTHER, number)


def occurring(node: PlanNode, searcher: Searcher) -> PlanNode:
    """The same matches without phrases of which a term occurs nowhere.

    In a corpus of one language those are nine of ten. Each costs a look into every segment, for every slice.
    """
    return _occurring(node, cache(searcher.doc_freq))


def _occurring(node: PlanNode, frequency: Frequency) -> PlanNode:
    match node:
        case PhraseAny(field, phrases):
            kept = tuple(phrase for phrase in phrases if _rarest(field, phrase, frequency))
            return replace(node, phrases=kept) if kept else NOTHING
        case NearAny(field, pairs):
            near = tuple(pair for pair in pairs if _rarest(field, pair[0] + pair[1], frequency))
            return replace(node, pairs=near) if near else NOTHING
        case AllOf(children) | AnyOf(children):
            return replace(node, children=tuple(_occurring(child, frequency) for child in children))
        case NoneOf(child):
            return NoneOf(_occurring(child, frequency))
        case _:
            return node


def _near(
    field: str,
    pairs: Iterable[tuple[tuple[str, ...], tuple[str, ...]]],
    distance: int,
    number: int,
    frequency: Frequency,
) -> Cost:
    tried = []
    for left, right in pairs:
        # As ``embedded_query`` spreads them, in both orders.
        phrases = 4 if len(left) == len(right) == 1 else 2 * distance
        tried.append((_rarest(field, left + right, frequency), (len(left) + len(right)) * phrases))
    return _phrases(number, tried)


def _phrases(number: int, tried: Sequence[tuple[int, int]]) -> Cost:
    """The cost of phrases, out of how many documents may have each, and how many terms are compared."""
    most = sum(rarest for rarest, _ in tried)
    return Cost(sum(rarest * terms for rarest, terms in tried) * _PHRASE, min(number, most))


def _rarest(field: str, terms: Iterable[str], frequency: Frequency) -> int:
    return min(frequency(field, term) for term in terms)
