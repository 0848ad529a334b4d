"""Places for searches that take long, so that simple ones always find a thread and a processor core.

Each request holds one of the server's few threads until it is answered. Whoever sends many dear searches at
once gets 503 with Retry-After for those beyond the places, whatever the engine; an engine's own time limit
says when a place is free again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from threading import Semaphore
from typing import Any, Final, Literal, cast

from shared.errors import Unavailable
from shared.index.port import (
    ArticleIndex,
    Mark,
    SearchPage,
    SearchRequest,
    Step,
    Suggestions,
    Timeline,
    TimelineRequest,
)
from shared.index.query import And, Near, Node, Not, Or, Phrase, Prefix, Word
from shared.index.similar import Similar, SimilarRequest
from shared.index.trends import Trends, TrendsRequest

QUICK_SECONDS: Final = 0.05  # a search that takes less needs no place
_MEMORY: Final = 0.8  # how much of what was typical stays with each search
WAIT_SECONDS: Final = 3.0  # for a place: somewhat longer than an engine may take over the search before
Weight = Literal["simple", "broad", "dear"]
# What a search weighs against a word: as measured at a million articles, where one takes some milliseconds.
_PHRASE: Final = 4
_PREFIX: Final = 4
_NEAR: Final = 16
_FACET: Final = 2
_STORIES: Final = 8
_ALONGSIDE: Final = 4  # so many words that must all match weigh as much as one
_HITS: Final = 1_000  # so many before the page weigh as much as a word
_BROAD: Final = 8
_DEAR: Final = 16


class Places:
    """At most ``most`` hold a place at once, ``waiting`` more wait for one, and all others are refused."""

    def __init__(self, most: int, waiting: int, patience: float = WAIT_SECONDS) -> None:
        self._free = Semaphore(most)
        self._queue = Semaphore(waiting)
        self._patience = patience

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place; raises ``Unavailable`` where none becomes free in time, or too many wait."""
        if not self._free.acquire(blocking=False) and not self._wait():
            raise Unavailable("too many long searches run at once; try again, or ask for less")
        try:
            yield
        finally:
            self._free.release()

    def _wait(self) -> bool:
        if not self._queue.acquire(blocking=False):
            return False
        try:
            return self._free.acquire(timeout=self._patience)
        finally:
            self._queue.release()


class GuardedIndex:
    """An ``ArticleIndex`` whose long searches have places; everything else it passes on to the index.

    Of 16 threads two dear and four broad searches may hold one, and two of each may wait. With the four of
    exports (``export_routes``) two threads stay free for what is simple.
    """

    def __init__(self, index: ArticleIndex, threads: int) -> None:
        self._index = index
        self._typical: dict[str, float] = {}  # seconds by kind; whichever thread wrote last is right enough
        self._broad = Places(max(1, threads // 4), threads // 8)
        self._dear = Places(max(1, threads // 8), threads // 8)

    def search(self, request: SearchRequest) -> SearchPage:
        """Answer one search."""
        with self._place(weigh(request)):
            return self._index.search(request)

    def walk(self, request: SearchRequest, mark: Mark | None, now: datetime) -> Step:
        """Take the next step through a whole result."""
        with self._place(weigh(request)):
            return self._index.walk(request, mark, now)

    def timeline(self, request: TimelineRequest) -> Timeline:
        """Count hits by time."""
        with self._place(_named(_BROAD + _points(request.query))):
            return self._index.timeline(request)

    def suggest(self, text: str, size: int, now: datetime) -> Suggestions:
        """Suggest sources, topics and entities by how their names begin."""
        with self._quick("suggest"):
            return self._index.suggest(text, size, now)

    def similar(self, request: SimilarRequest) -> Similar:
        """Find articles like a text."""
        with self._quick("similar"):
            return self._index.similar(request)

    def trends(self, request: TrendsRequest) -> Trends:
        """Find what is told of more than before."""
        with self._place(_named(_BROAD + _points(request.query))):
            return self._index.trends(request)

    @contextmanager
    def _quick(self, kind: str) -> Iterator[None]:
        """A place where such searches have taken long of late, and none where they have not.

        All of a kind are much alike: what one costs is told by those before it.
        """
        with self._place("broad" if self._typical.get(kind, math.inf) > QUICK_SECONDS else "simple"):
            began = time.perf_counter()
            yield
            took = time.perf_counter() - began
            self._typical[kind] = took + _MEMORY * (self._typical.get(kind, took) - took)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the index has
        return getattr(self._index, name)

    def _place(self, weight: Weight) -> AbstractContextManager[None]:
        if weight == "simple":
            return nullcontext()
        return (self._broad if weight == "broad" else self._dear).place()


def guard(index: ArticleIndex, threads: int) -> ArticleIndex:
    """The same index with places for its long searches, for a service of so many threads."""
    return cast("ArticleIndex", GuardedIndex(index, threads))


def weigh(request: SearchRequest) -> Weight:
    """How much work a search may be, by what it asks for alone: what the index holds is not looked at."""
    points = _points(request.query) + _FACET * len(request.facets) + request.offset // _HITS
    return _named(points + (_STORIES if request.stories == "fold" else 0))


def _named(points: int) -> Weight:
    return "dear" if points >= _DEAR else "broad" if points >= _BROAD else "simple"


def _points(node: Node | None) -> int:
    match node:
        case None:
            return 0
        case And(children):  # the rarest word leads, and the others are looked at where it is alone
            words = sum(isinstance(child, Word) for child in children)
            others = (_points(child) for child in children if not isinstance(child, Word))
            return sum(others) + -(-words // _ALONGSIDE)
        case Or(children):
            return sum(map(_points, children))
        case Not(child):
            return _points(child)
        case Near():
            return _NEAR
        case Phrase():
            return _PHRASE
        case Prefix():
            return _PREFIX
        case _:
            return 1
