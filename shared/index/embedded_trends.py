"""What trends are made of, counted on tantivy."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

import tantivy
from tantivy import Query, Searcher

from shared.errors import Unavailable
from shared.index.document import restore
from shared.index.embedded_facets import count_facets
from shared.index.embedded_order import by_date, count_of
from shared.index.embedded_query import build_query
from shared.index.facets import FacetPlan
from shared.index.plan import AllOf, Plan, PlanNode
from shared.index.port import FacetCount


class EmbeddedCounting:
    """A ``trends.Counting`` of one state of the index, which ends with ``seconds``; ``partial`` if too early.

    The engine cannot be interrupted: only between one count and the next is there a look at the clock.
    """

    def __init__(self, searcher: Searcher, schema: tantivy.Schema, seconds: float) -> None:
        self._searcher = searcher
        self._schema = schema
        self._until = time.monotonic() + seconds
        self.partial = False

    def total(self, plan: Plan) -> int:
        """How many articles there are."""
        return count_of(self._searcher.search(self._shown(plan), 1))

    def largest(self, plan: Plan, column: str, size: int) -> tuple[Sequence[FacetCount], bool]:
        """The values with most articles, and whether these are sure to be they."""
        if self._is_late():
            return (), False
        facet = FacetPlan("entity", column, plan.filters)  # its name is ours alone
        counts, approximate = count_facets(self._searcher, self._schema, plan, [facet], size)
        return counts[facet.name], not approximate

    def among(self, plan: Plan, column: str, values: Sequence[str]) -> Mapping[str, int]:
        """How many articles each of these values has."""
        if self._is_late():
            raise Unavailable("there was no time to count what came before; try again, or ask for less")
        most = len(values)
        terms = {"field": column, "size": most, "segment_size": most, "include": list(values)}
        told = self._searcher.aggregate(self._shown(plan), {"values": {"terms": terms}})["values"]
        return {bucket["key"]: bucket["doc_count"] for bucket in told["buckets"]}

    def matching(self, plan: Plan, nodes: Sequence[PlanNode]) -> Sequence[int]:
        """How many articles match each node too, as far as there is time."""
        counts: list[int] = []
        now = time.monotonic()
        until = now + (self._until - now) / 2  # the rest is for the same words in the other time
        for node in nodes:
            if time.monotonic() > until:
                self.partial = True
                break
            counts.append(count_of(self._searcher.search(self._shown(plan, node), 1)))
        return counts

    def titles(self, plan: Plan, most: int) -> Iterator[tuple[str, str]]:
        """Title and language of the newest articles."""
        for _, address in by_date(self._searcher, self._shown(plan), most, "newest").found:
            article = restore(self._searcher.doc(address).get_first("article"))  # type: ignore[arg-type]
            yield article.title, article.language

    def _is_late(self) -> bool:
        late = time.monotonic() > self._until
        self.partial |= late
        return late

    def _shown(self, plan: Plan, *more: PlanNode) -> Query:
        shown = () if plan.shown is None else (plan.shown,)
        matched = build_query(AllOf((plan.scored, plan.filters, *shown, *more)), self._schema)
        return Query.const_score_query(matched, 0.0)
