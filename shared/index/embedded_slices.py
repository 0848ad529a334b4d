"""A dear search on tantivy, a slice of the index at a time, so that it ends in time with what it has found.

The engine cannot be interrupted, and it lets Python's other threads run meanwhile. A slice is what became
searchable in some span of time: such articles lie side by side in the engine's files, which a slice by any
other order would have to read as a whole. The limit is not hard: the engine looks for each phrase up to its
next match, however far behind a slice that lies, so many rare ones (near/N) may take several times as long.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tantivy import Query, Schema, Searcher

from shared.index.embedded_cost import occurring
from shared.index.embedded_facets import Counts, count_facets
from shared.index.embedded_order import Found, count_of, find_page
from shared.index.embedded_query import both, build_query, favouring
from shared.index.facets import FacetPlan
from shared.index.plan import AllOf, NoneOf, Plan, PlanNode, RangeMs

SLICE_SECONDS = 0.05  # that the first slice should take
_COLUMN = "indexed_ms"
FEWEST = 4_096  # documents of a slice: so many lie in the window that the engine unites phrases by
_FINEST = 1_000  # slices at most, however large the index
_BUCKETS = 500
_LEAST_SLICES = 4
_MARGIN = 0.7  # of the time that is left: slices of one size differ
_LEAST_GROWTH = 0.25  # what fits into less time than this part of the last slice's is not begun any more


@dataclass(frozen=True, slots=True)
class Sliced:
    """What was found: hits in order, ``groups`` and ``folded`` counts and facets, all of the same slices.

    ``whole`` when these were all; else each number is a lower bound.
    """

    found: Sequence[Found]
    groups: int
    folded: int
    facets: Counts
    approximate: tuple[str, ...]
    whole: bool


class Slices:
    """The slices of an index, the last indexed first, until ``seconds`` are over; the first comes always.

    ``guess`` is what all of them might take, in seconds. Once they were gone through, ``whole`` says whether
    these were all, and ``covered`` is what matches in them.
    """

    def __init__(
        self, searcher: Searcher, schema: Schema, guess: float, seconds: float, fewest: int = FEWEST
    ) -> None:
        self._searcher = searcher
        self._schema = schema
        self._until = time.perf_counter() + seconds
        number = max(1, searcher.num_docs)
        self._least = max(fewest, number // _FINEST)
        first = min(SLICE_SECONDS, seconds / _LEAST_SLICES)
        self._wanted = max(self._least, int(number * first / max(guess, first, 1e-6)))
        self.whole = False
        self.covered: PlanNode = AllOf(())

    def __iter__(self) -> Iterator[PlanNode]:
        """The slices one by one; time counts from one to the next."""
        before: int | None = None  # where the last one began
        size = 0
        began = time.perf_counter()
        for start, count in self._spans():
            size += count
            if size < self._wanted:
                continue
            yield RangeMs(_COLUMN, start, None if before is None else before - 1)
            before = start
            self.covered = RangeMs(_COLUMN, start)
            if not self._goes_on(size, time.perf_counter() - began):
                return
            size, began = 0, time.perf_counter()
        # With what lies before all spans, and what has no time.
        yield AllOf(()) if before is None else NoneOf(RangeMs(_COLUMN, before))
        self.covered, self.whole = AllOf(()), True

    def _goes_on(self, size: int, took: float) -> bool:
        """Whether there is time for another slice: twice as large, or as large as there is time for.

        Part of the time of a slice is the same for any size, so few large ones get farther than many small.
        """
        growth = min(2.0, _MARGIN * (self._until - time.perf_counter()) / max(took, 1e-6))
        self._wanted = max(self._least, int(size * growth))
        return growth >= _LEAST_GROWTH

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Spans of time that have an article, from the last back: where each begins, and its articles."""
        every = Query.all_query()
        found = self._searcher.aggregate(
            every, {"first": {"min": {"field": _COLUMN}}, "last": {"max": {"field": _COLUMN}}}
        )
        first, last = found["first"]["value"], found["last"]["value"]
        if first is not None:
            yield from self._divide(int(first), int(last))

    def _divide(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        step = math.ceil((last - first + 1) / _BUCKETS)
        at = {"field": _COLUMN, "interval": step, "offset": first % step, "min_doc_count": 1}
        within = build_query(RangeMs(_COLUMN, first, last), self._schema)
        for bucket in reversed(
            self._searcher.aggregate(within, {"spans": {"histogram": at}})["spans"]["buckets"]
        ):
            start, count = int(bucket["key"]), int(bucket["doc_count"])
            if step > 1 and count > self._least:
                yield from self._divide(start, start + step - 1)
            else:
                yield start, count


def search_in_slices(
    searcher: Searcher, schema: Schema, plan: Plan, facets: Sequence[FacetPlan], size: int, slices: Slices
) -> Sliced:
    """Search slice by slice. Scores are those of the whole index, so that what is best of all comes first.

    Facets are counted once more in the end, for which the slices have to leave half of the time.
    """
    first = replace(plan, offset=0, size=plan.offset + plan.size if plan.size else 0)
    first = replace(first, scored=occurring(plan.scored, searcher))
    found: list[Found] = []
    groups = folded = 0
    for one in slices:
        cut = _within(first, one)
        matched = both(build_query(cut.scored, schema), build_query(cut.filters, schema))
        shown = matched if plan.shown is None else both(matched, build_query(plan.shown, schema))
        number, hits = find_page(searcher, favouring(shown, plan, schema), cut)
        groups, found = groups + number, _best(searcher, first, [*found, *hits])
        if plan.folded is not None:
            folded += _count(searcher, both(matched, build_query(plan.folded, schema)))
        if facets:
            # Only for how long it takes: values of slices cannot be added up, since none tells of all it has.
            count_facets(searcher, schema, first, _facets_within(facets, one), size)
    asked = facets if slices.whole else _facets_within(facets, slices.covered)
    counts, approximate = count_facets(searcher, schema, first, asked, size)
    return Sliced(found[plan.offset :], groups, folded, counts, approximate, slices.whole)


def cover(
    searcher: Searcher, schema: Schema, plan: Plan, facets: Sequence[FacetPlan], slices: Slices
) -> tuple[Plan, tuple[FacetPlan, ...]]:
    """The same search of as much of the index as could be gone through in time."""
    plan = replace(plan, scored=occurring(plan.scored, searcher))
    query = both(build_query(plan.scored, schema), build_query(plan.filters, schema))
    count_in_slices(searcher, schema, query, slices)
    if slices.whole:
        return plan, tuple(facets)
    return _within(plan, slices.covered), _facets_within(facets, slices.covered)


def count_in_slices(searcher: Searcher, schema: Schema, query: Query, slices: Slices) -> int:
    """How many documents a query matches in the slices."""
    return sum(_count(searcher, both(query, build_query(one, schema))) for one in slices)


def _within(plan: Plan, one: PlanNode) -> Plan:
    return replace(plan, filters=AllOf((*plan.filters.children, one)))


def _facets_within(facets: Sequence[FacetPlan], one: PlanNode) -> tuple[FacetPlan, ...]:
    return tuple(replace(facet, filters=AllOf((*facet.filters.children, one))) for facet in facets)


def _count(searcher: Searcher, query: Query) -> int:
    return count_of(searcher.search(Query.const_score_query(query, 0.0), 1))


def _best(searcher: Searcher, plan: Plan, found: list[Found]) -> list[Found]:
    """The first hits of several slices, in order."""
    keys = [key or 0 for key in searcher.fast_field_values("sort_key", [address for _, address in found])]
    sign = 1 if plan.sort == "oldest" else -1
    ranked = sorted(zip(keys, found, strict=True), key=lambda one: (-(one[1][0] or 0.0), sign * one[0]))
    return [hit for _, hit in ranked[: plan.size]]
