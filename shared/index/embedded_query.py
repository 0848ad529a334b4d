"""A plan in tantivy's query objects, node by node; the engine's own query parser is never used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import tantivy
from tantivy import Occur, Query

from shared.index.plan import (
    AllOf,
    AnyOf,
    EndingAny,
    KeywordAny,
    NearAny,
    NoneOf,
    PhraseAny,
    Plan,
    PlanNode,
    PrefixAny,
    RangeMs,
    TermAny,
)

_SIGNS = re.compile(r"[.\\+*?()|\[\]{}^$]")  # that mean something in the engine's regular expressions


def build_query(node: PlanNode, schema: tantivy.Schema) -> Query:
    """Translate a plan node; what adds nothing to the score is wrapped in a constant of zero."""
    match node:
        case TermAny(field, terms, boost):
            found = [Query.term_query(schema, field, term, "freq") for term in terms]
            return Query.boost_query(_any(found), boost)
        case PhraseAny(field, phrases, boost):
            found = [Query.phrase_query(schema, field, list(phrase)) for phrase in phrases]
            return Query.boost_query(_any(found), boost)
        case NearAny(field, pairs, distance):
            spread = _spread(pairs, distance)
            return _unscored(_any([Query.phrase_query(schema, field, words, slop) for words, slop in spread]))
        case PrefixAny(field, starts, terms):
            # One automaton for each: the engine allows a thousand states, one or so for each byte.
            patterns = [_SIGNS.sub(r"\\\g<0>", start) + ".*" for start in starts]
            found = [Query.regex_query(schema, field, pattern) for pattern in patterns]
            if terms:
                found.append(Query.term_set_query(schema, field, list(terms)))
            return _unscored(_any(found))
        case KeywordAny(field, (value,)):
            return _unscored(Query.term_query(schema, field, value, "basic"))
        case KeywordAny(field, values):
            return _unscored(Query.term_set_query(schema, field, list(values)))
        case EndingAny(field, endings):
            found = [Query.regex_query(schema, field, one.pattern()) for one in endings]
            return _unscored(_any(found))
        case RangeMs(field, None, None):
            return _unscored(Query.exists_query(field))
        case RangeMs(field, start, end):
            return _unscored(Query.range_query(schema, field, tantivy.FieldType.Integer, start, end))
        case AllOf(()):
            return _unscored(Query.all_query())
        case AllOf(children):
            return _all([child for child in children if not isinstance(child, NoneOf)],
                        [child.child for child in children if isinstance(child, NoneOf)], schema)  # fmt: skip
        case AnyOf(children):
            return _any([build_query(child, schema) for child in children])
        case NoneOf(child):
            return _all([], [child], schema)


def both(left: Query, right: Query) -> Query:
    """What matches both; the scores are added."""
    return Query.boolean_query([(Occur.Must, left), (Occur.Must, right)])


def favouring(query: Query, plan: Plan, schema: tantivy.Schema) -> Query:
    """The same matches, of which those that the plan favours score more."""
    favours = [
        (Occur.Should, Query.const_score_query(build_query(favour.node, schema), favour.score))
        for favour in plan.favours
    ]
    return Query.boolean_query([(Occur.Must, query), *favours]) if favours else query


_Words = list[str | tuple[int, str]]  # terms with their places


def _spread(
    pairs: Sequence[tuple[tuple[str, ...], tuple[str, ...]]], distance: int
) -> Iterator[tuple[_Words, int]]:
    """Phrases with gaps, and the slop of each, that together find the pairs up to ``distance`` apart."""
    for left, right in dict.fromkeys(ordered for pair in pairs for ordered in (pair, pair[::-1])):
        single = len(left) == len(right) == 1
        for middle, slop in _windows(distance) if single else ((gap, 0) for gap in range(1, distance + 1)):
            at = len(left) - 1 + middle
            yield [*enumerate(left), *enumerate(right, at)], slop


def _windows(distance: int) -> list[tuple[int, int]]:
    """Distances from 1 to ``distance`` as what a phrase of two words with a gap and a slop covers.

    Slop lets the second word stand that much nearer or farther than the gap says. Of longer phrases the
    engine moves every word by it, so for these each distance is a phrase of its own.
    """
    slop = (distance - 1) // 2
    return list(dict.fromkeys(((slop + 1, slop), (distance - slop, slop))))


def _all(wanted: list[PlanNode], unwanted: list[PlanNode], schema: tantivy.Schema) -> Query:
    # A negation alone matches nothing in tantivy: it takes away from what another clause found.
    found = [build_query(child, schema) for child in wanted] or [_unscored(Query.all_query())]
    lost = [build_query(child, schema) for child in unwanted]
    return Query.boolean_query([(Occur.Must, one) for one in found] + [(Occur.MustNot, one) for one in lost])


def _any(found: list[Query]) -> Query:
    return found[0] if len(found) == 1 else Query.boolean_query([(Occur.Should, one) for one in found])


def _unscored(query: Query) -> Query:
    return Query.const_score_query(query, 0.0)
