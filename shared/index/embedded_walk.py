"""Walking through a whole result on tantivy: the searcher of one commit is kept, and pages follow by key.

A searcher that is kept holds its files, also those that later commits have put out of use.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tantivy import DocAddress, Order, Query, Schema, Searcher

from shared.article import Article
from shared.clock import to_ms
from shared.errors import Unavailable
from shared.index.document import restore
from shared.index.embedded_cost import DEAR_SECONDS, guess_dear
from shared.index.embedded_order import Found, count_of
from shared.index.embedded_query import both, build_query, favouring
from shared.index.embedded_slices import Slices, cover
from shared.index.plan import AllOf, Plan, PlanNode, RangeMs, plan_get
from shared.index.port import Hit, Mark, SearchPage, Step
from shared.index.walking import (
    IDLE_SECONDS,
    KEEP_SECONDS,
    MAX_WALKS,
    STEP_SECONDS,
    WalkGone,
    least_wanted,
    unseen,
)

MAX_RANKED = 4_000_000  # hits of all rankings together, at 20 bytes each
_FIRST_RANKED = 2_000
_GROWTH = 4  # a ranking that was too short is made again, this much longer
_SLICE = 20_000  # hits taken from the engine at once: as Python's objects they weigh ten times as much


@dataclass(frozen=True, slots=True)
class Ranking:
    """The first hits of a query by score, then by ``sort_key`` from the highest; one array for each fact.

    Of the hits that score as much as the last some may be missing: only ``settled`` are sure to be where
    they belong. ``whole`` when there are no more.
    """

    scores: NDArray[np.float32]
    keys: NDArray[np.int64]
    segments: NDArray[np.uint32]
    docs: NDArray[np.uint32]
    settled: int
    whole: bool

    def behind(self, mark: Mark) -> int:
        """The place of the first hit behind a mark."""
        if mark.score is None or mark.key is None:
            return 0
        score = np.float32(-mark.score)
        left, right = (int(np.searchsorted(-self.scores, score, side)) for side in ("left", "right"))
        return left + int(np.searchsorted(-self.keys[left:right], np.int64(-mark.key), "right"))

    def found(self, start: int, end: int) -> list[Found]:
        """The hits of a range of places."""
        parts = (values[start:end].tolist() for values in (self.scores, self.segments, self.docs))
        return [(score, DocAddress(segment, doc)) for score, segment, doc in zip(*parts, strict=True)]


def rank(searcher: Searcher, query: Query, limit: int) -> Ranking:
    """Put the first ``limit`` hits into order."""
    slices: list[tuple[NDArray[Any], ...]] = []
    taken, whole = 0, False
    while taken < limit and not whole:
        # On one commit the engine's own order never changes, so slices of it neither overlap nor leave gaps.
        size = min(_SLICE, limit - taken)
        hits = searcher.search(query, size, count=False, offset=taken).hits
        slices.append(_columns(searcher, hits))
        taken, whole = taken + len(hits), len(hits) < size
    scores, keys, segments, docs = (np.concatenate(parts) for parts in zip(*slices, strict=True))
    order = np.lexsort((-keys, -scores))
    settled = taken if whole else int(np.searchsorted(-scores[order], -scores[order[-1]], "left"))
    return Ranking(scores[order], keys[order], segments[order], docs[order], settled, whole)


def _columns(searcher: Searcher, hits: Sequence[Found]) -> tuple[NDArray[Any], ...]:
    keys = searcher.fast_field_values("sort_key", [address for _, address in hits])
    return (
        np.array([score for score, _ in hits], np.float32),
        np.array([key or 0 for key in keys], np.int64),
        np.array([address.segment_ord for _, address in hits], np.uint32),
        np.array([address.doc for _, address in hits], np.uint32),
    )


@dataclass(slots=True)
class _Kept:
    """What is kept for a walk, and until when."""

    searcher: Searcher
    until: float
    ranking: Ranking | None = None
    steps: int = 0


class EmbeddedWalks:
    """The walks of one process, which no other can go on with; safe to share between threads."""

    def __init__(
        self,
        schema: Schema,
        keep: float = KEEP_SECONDS,
        most: int = MAX_WALKS,
        *,
        idle: float = IDLE_SECONDS,
        seconds: float = STEP_SECONDS,
        dear: float = DEAR_SECONDS,
    ) -> None:
        """Keep the state of up to ``most`` walks, of each for ``keep`` seconds after its last step.

        Where there is no room, a walk of one step that was idle for ``idle`` seconds gives way to a new one.
        A walk that is guessed to be ``dear`` is not begun where its result takes more than ``seconds``.
        """
        self._schema = schema
        self._idle = idle
        self._seconds = seconds
        self._dear = dear
        self._keep_seconds = keep
        self._most = most
        self._lock = Lock()
        self._kept: dict[str, _Kept] = {}  # the walk that took a step last stands last

    def step(self, plan: Plan, mark: Mark, now: datetime, present: Searcher) -> Step:
        """Take a step; a mark without a pin keeps ``present``, the newest state of the index."""
        if mark.pin:
            return self._step(plan, mark, now, present)
        begun = self._begin(plan, mark, present)
        try:
            return self._step(plan, begun, now, present)
        except BaseException:
            self.end(begun)  # nobody has its mark
            raise

    def end(self, mark: Mark) -> None:
        """Give up what is kept for a walk."""
        with self._lock:
            self._kept.pop(mark.pin, None)

    def forget_old(self) -> None:
        """Give up what was kept for long enough; called by everybody who comes along."""
        if self._kept:
            with self._lock:
                self._forget_old()

    def close(self) -> None:
        """Give up everything."""
        with self._lock:
            self._kept.clear()

    def _begin(self, plan: Plan, mark: Mark, present: Searcher) -> Mark:
        self._check_time(present, plan)
        pin = secrets.token_hex(8)
        with self._lock:
            self._make_room()
            self._kept[pin] = _Kept(present, time.monotonic() + self._keep_seconds)
        groups = self._count(present, plan, plan.shown)
        folded = 0 if plan.folded is None else self._count(present, plan, plan.folded)
        return replace(mark, pin=pin, articles=groups + folded, groups=groups)

    def _check_time(self, searcher: Searcher, plan: Plan) -> None:
        """Refuse to begin what no step could end in time; each goes through all matches once or twice.

        Asked once for a walk, before its state is kept.
        """
        guess = guess_dear(searcher, plan, least=self._dear)
        if not guess:
            return
        slices = Slices(searcher, self._schema, guess, self._seconds)
        cover(searcher, self._schema, plan, (), slices)
        if not slices.whole:
            raise Unavailable("the index could not go through the whole result in time; narrow the search")

    def _count(self, searcher: Searcher, plan: Plan, shown: PlanNode | None) -> int:
        query = Query.const_score_query(self._query(plan, shown or AllOf(())), 0.0)
        return count_of(searcher.search(query, 1))

    def _query(self, plan: Plan, *shown: PlanNode) -> Query:
        query = both(build_query(plan.scored, self._schema), build_query(plan.filters, self._schema))
        return favouring(both(query, build_query(AllOf(shown), self._schema)), plan, self._schema)

    def _step(self, plan: Plan, mark: Mark, now: datetime, present: Searcher) -> Step:
        started = time.perf_counter()
        kept = self._renew(mark)
        find = self._find_by_score if plan.sort == "relevance" else self._find_by_date
        found = find(kept, plan, mark)
        more = len(found) > plan.size
        kept_hits = [(_read(kept.searcher, address), score) for score, address in found[: plan.size]]
        articles = self._present([article for article, _ in kept_hits], now, present)
        hits = tuple(
            Hit(articles[article.id], score) for article, score in kept_hits if article.id in articles
        )
        page = SearchPage(mark.articles, mark.groups, hits, (time.perf_counter() - started) * 1000)
        if not more:
            self.end(mark)
            return Step(page, None)
        last, score = kept_hits[-1]
        return Step(page, replace(mark, score=score, key=last.sort_key))

    def _find_by_date(self, kept: _Kept, plan: Plan, mark: Mark) -> list[Found]:
        """One hit more than a page has, behind the mark."""
        parts = [unseen(plan, mark)]
        oldest_first = plan.sort == "oldest"
        if mark.key is not None:
            start, end = (mark.key + 1, None) if oldest_first else (None, mark.key - 1)
            parts.append(RangeMs("sort_key", start, end))
        order = Order.Asc if oldest_first else Order.Desc
        result = kept.searcher.search(
            self._query(plan, *parts), plan.size + 1, count=False, order_by_field="sort_key", order=order
        )
        return [(None, address) for _, address in result.hits]

    def _find_by_score(self, kept: _Kept, plan: Plan, mark: Mark) -> list[Found]:
        """One hit more than a page has, behind the mark, out of a ranking that grows with the walk.

        The engine cannot go on behind a score. Asked for ever longer lists it would work the more the longer
        the walk; a ranking four times as long each time costs a third more than the last one alone.
        """
        query = self._query(plan, unseen(plan, mark))
        ranking = kept.ranking
        while ranking is None or not _reaches(ranking, plan, mark):
            limit = _FIRST_RANKED if ranking is None else _GROWTH * len(ranking.scores)
            ranking = rank(kept.searcher, query, limit)
        self._keep(kept, ranking)
        start = ranking.behind(mark)
        return ranking.found(start, start + plan.size + 1)

    def _keep(self, kept: _Kept, ranking: Ranking) -> None:
        """Keep a ranking, and let go of those of other walks where all together are too many.

        A walk that has lost its ranking makes it again: on the same commit it comes out the same.
        """
        with self._lock:
            kept.ranking = ranking
            spare = MAX_RANKED - sum(len(one.ranking.scores) for one in self._kept.values() if one.ranking)
            for one in self._kept.values():
                if spare >= 0:
                    break
                if one.ranking is not None and one is not kept:
                    spare += len(one.ranking.scores)
                    one.ranking = None

    def _renew(self, mark: Mark) -> _Kept:
        with self._lock:
            self._forget_old()
            kept = self._kept.pop(mark.pin, None)
            if kept is None:
                raise WalkGone("the result is no longer kept")
            kept.until = time.monotonic() + self._keep_seconds
            kept.steps += 1
            self._kept[mark.pin] = kept
        return kept

    def _make_room(self) -> None:
        self._forget_old()
        if len(self._kept) < self._most:
            return
        walks = ((pin, one.steps, one.until - self._keep_seconds) for pin, one in self._kept.items())
        given_up = least_wanted(walks, time.monotonic(), self._idle)
        if given_up is None:
            raise Unavailable("too many results are being walked through at once")
        del self._kept[given_up]

    def _forget_old(self) -> None:
        moment = time.monotonic()
        for pin in [pin for pin, kept in self._kept.items() if kept.until <= moment]:
            del self._kept[pin]

    def _present(self, kept: Sequence[Article], now: datetime, present: Searcher) -> dict[str, Article]:
        """What readers may see now of some articles, as the index has them now, by id."""
        if not kept:
            return {}
        query = build_query(plan_get(tuple(article.id for article in kept), to_ms(now)), self._schema)
        places = [address for _, address in present.search(query, len(kept), count=False).hits]
        facts = (present.fast_field_values(name, places) for name in ("sort_key", "change"))
        # Nearly always an article is as it was, and these two tell: reading it again would double the work.
        same = {(article.sort_key, article.change): article for article in kept}
        found = [
            same.get(told) or _read(present, place)
            for told, place in zip(zip(*facts, strict=True), places, strict=True)
        ]
        return {article.id: article for article in found}


def _reaches(ranking: Ranking, plan: Plan, mark: Mark) -> bool:
    return ranking.whole or ranking.settled > ranking.behind(mark) + plan.size


def _read(searcher: Searcher, address: DocAddress) -> Article:
    stored: bytes = searcher.doc(address).get_first("article")  # type: ignore[assignment]
    return restore(stored)
