"""A plan in tantivy's query objects, node by node; the engine's own query parser is never used."""

from __future__ import annotations

import tantivy
from tantivy import Occur, Query

from shared.index.plan import AllOf, AnyOf, KeywordAny, NoneOf, PhraseAny, PlanNode, RangeMs, TermAny


def build_query(node: PlanNode, schema: tantivy.Schema) -> Query:
    """Translate a plan node; what adds nothing to the score is wrapped in a constant of zero."""
    match node:
        case TermAny(field, terms, boost):
            found = [Query.term_query(schema, field, term, "freq") for term in terms]
            return Query.boost_query(_any(found), boost)
        case PhraseAny(field, phrases, boost):
            found = [Query.phrase_query(schema, field, list(phrase)) for phrase in phrases]
            return Query.boost_query(_any(found), boost)
        case KeywordAny(field, (value,)):
            return _unscored(Query.term_query(schema, field, value, "basic"))
        case KeywordAny(field, values):
            return _unscored(Query.term_set_query(schema, field, list(values)))
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


def _all(wanted: list[PlanNode], unwanted: list[PlanNode], schema: tantivy.Schema) -> Query:
    # A negation alone matches nothing in tantivy: it takes away from what another clause found.
    found = [build_query(child, schema) for child in wanted] or [_unscored(Query.all_query())]
    lost = [build_query(child, schema) for child in unwanted]
    return Query.boolean_query([(Occur.Must, one) for one in found] + [(Occur.MustNot, one) for one in lost])


def _any(found: list[Query]) -> Query:
    return found[0] if len(found) == 1 else Query.boolean_query([(Occur.Should, one) for one in found])


def _unscored(query: Query) -> Query:
    return Query.const_score_query(query, 0.0)
