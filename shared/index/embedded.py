"""The index on tantivy, in a directory of its own: one process writes, any number of processes read.

What is written and asked is decided by ``document.py`` and ``plan.py``; ``embedded_files.py`` keeps the
directories, ``embedded_writer.py`` puts documents into them, ``embedded_builds.py`` replaces one by another,
``embedded_query.py`` translates, ``embedded_order.py`` and ``embedded_stories.py`` find a page of hits.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Lock

from tantivy import DocAddress, Query, Searcher

from shared.article import Article
from shared.clock import to_ms
from shared.errors import IndexMissing, Unavailable
from shared.frequencies import Frequencies
from shared.index import embedded_builds
from shared.index.analysis import terms_of
from shared.index.document import digest, primary_language, restore, story_of
from shared.index.embedded_cost import DEAR_SECONDS, STORY_PASSES, TIMELINE_PASSES, guess_dear
from shared.index.embedded_facets import count_facets
from shared.index.embedded_files import BUILDING, Follower, build_schema, create_index
from shared.index.embedded_order import count_of, find_page
from shared.index.embedded_query import both, build_query, favouring
from shared.index.embedded_similar import find_similar
from shared.index.embedded_slices import Slices, cover, search_in_slices
from shared.index.embedded_stories import count_by_story, find_stories
from shared.index.embedded_timeline import count_timeline
from shared.index.embedded_trends import EmbeddedCounting
from shared.index.embedded_walk import EmbeddedWalks
from shared.index.embedded_writer import Batch, Place, Writers, find_addresses, find_changes
from shared.index.facets import FacetPlan, plan_facets
from shared.index.outcomes import worse
from shared.index.plan import KeywordAny, Plan, plan_get, plan_search, plan_tombstones
from shared.index.port import (
    SEARCH_SECONDS,
    Hit,
    Mark,
    SearchPage,
    SearchRequest,
    Step,
    Suggestions,
    Timeline,
    TimelineRequest,
    WriteOutcome,
)
from shared.index.similar import Similar, SimilarRequest, make_similar, plan_similar
from shared.index.stories import folded_story
from shared.index.suggest import make_suggestions, plan_suggestions
from shared.index.timeline import plan_timeline
from shared.index.titles import search_titles, suggested_titles
from shared.index.trends import Trends, TrendsRequest, find_trends, plan_trends
from shared.index.walking import plan_walk


class EmbeddedIndex:
    """An ``ArticleIndex`` in a directory; obeys the port's contract.

    With ``writing`` the first write takes the directory's only writer, and keeps it until ``close``. Make the
    object after a fork, never before: a writer does not survive one.
    """

    def __init__(
        self,
        directory: Path,
        *,
        writing: bool = False,
        seconds: float = SEARCH_SECONDS,
        dear: float = DEAR_SECONDS,
    ) -> None:
        """Open nothing yet. A search guessed to take ``dear`` seconds is broken off after ``seconds``."""
        self._directory = directory
        self._seconds = seconds
        self._dear = dear
        self._writing = writing
        self._schema = build_schema()
        self._write_lock = Lock()  # one batch at a time
        self._used = Follower(directory)
        self._built = Follower(directory, BUILDING)
        self._writers = Writers()
        self._walks = EmbeddedWalks(self._schema)

    def create(self) -> None:
        """Make the index and its pointer if they are missing; harmless when they exist."""
        with _in_our_words():
            create_index(self._directory)

    def write(self, articles: Sequence[Article]) -> list[WriteOutcome]:
        """Write a batch with one commit for each directory; one outcome each, in order."""
        with self._write_lock, _in_our_words():
            batch = Batch(articles)
            outcomes = [self._writers.write(place, batch) for place in self._places()]
        return worse(outcomes)

    def _places(self) -> list[Place]:
        """Where a batch goes: what is being built, if anything is, and what is in use.

        Looked up for each batch, and after its articles were read from the ledger. A batch that was read
        before ``begin_build`` may thus go to the old index only. That loses nothing: whoever builds queues
        every article again after ``begin_build`` returned, so each is read once more, and looked up after.
        Should ``switch`` come between this and the commits, both directories are still written.
        """
        if not self._writing:
            raise Unavailable("This process has opened the index for reading only.")
        places: list[Place] = []
        with suppress(IndexMissing):  # none is being built, or one that only ``begin_build`` can mend
            places.append(self._built.look())
        try:
            places.append(self._used.look())
        except IndexMissing:
            # What is in use is of another version, or spoilt: all goes to what will take its place.
            if not places:
                raise
        self._writers.keep([path for path, _ in places])
        return places

    def search(self, request: SearchRequest) -> SearchPage:
        """Answer one search."""
        plan, facets = plan_search(request), plan_facets(request)
        self._walks.forget_old()
        with _in_our_words():
            _, searcher = self._used.look()
            started = time.perf_counter()
            whole = True
            if guess := guess_dear(searcher, plan, facets, least=self._dear):
                if not plan.by_story:
                    page = self._search_in_slices(searcher, plan, facets, request.facet_size, guess)
                    return replace(page, engine_ms=(time.perf_counter() - started) * 1000)
                slices = self._slices(searcher, guess, STORY_PASSES + len(facets))
                plan, facets = cover(searcher, self._schema, plan, facets, slices)
                whole = slices.whole
            matched = both(build_query(plan.scored, self._schema), build_query(plan.filters, self._schema))
            shown = matched if plan.shown is None else both(matched, build_query(plan.shown, self._schema))
            shown = favouring(shown, plan, self._schema)
            if plan.by_story:
                page = self._search_stories(searcher, matched, shown, plan)
            else:
                groups, found = find_page(searcher, shown, plan)
                articles = groups + self._count_folded(searcher, matched, plan)
                hits = tuple(Hit(_read(searcher, address), score) for score, address in found)
                page = SearchPage(articles, groups, hits, 0.0)
            if facets:
                counts, off = count_facets(searcher, self._schema, plan, facets, request.facet_size)
                page = replace(page, facets=counts, facets_approximate=off)
            return replace(page, engine_ms=(time.perf_counter() - started) * 1000, partial=not whole)

    def _search_in_slices(
        self, searcher: Searcher, plan: Plan, facets: Sequence[FacetPlan], size: int, guess: float
    ) -> SearchPage:
        slices = self._slices(searcher, guess, 1 if facets else 0)
        done = search_in_slices(searcher, self._schema, plan, facets, size, slices)
        hits = tuple(Hit(_read(searcher, address), score) for score, address in done.found)
        articles = done.groups + done.folded
        return SearchPage(
            articles,
            done.groups,
            hits,
            0.0,
            partial=not done.whole,
            facets=done.facets,
            facets_approximate=done.approximate,
        )

    def _slices(self, searcher: Searcher, guess: float, passes: int = 0) -> Slices:
        """As many slices as leave time to go through what matches in them for some more passes."""
        return Slices(searcher, self._schema, guess / (passes + 1), self._seconds / (passes + 1))

    def _search_stories(self, searcher: Searcher, matched: Query, shown: Query, plan: Plan) -> SearchPage:
        page = find_stories(searcher, shown, plan)
        hits = [(score, _read(searcher, address)) for score, address in page.found]
        stories = tuple(dict.fromkeys(story_of(article) for _, article in hits))
        counts = {}
        if stories:
            theirs = both(matched, build_query(KeywordAny("story_id", stories), self._schema))
            counts = count_by_story(searcher, theirs, len(stories))
        return SearchPage(
            articles=count_of(searcher.search(Query.const_score_query(matched, 0.0), 1)),
            groups=page.groups,
            hits=tuple(Hit(one, score, folded_story(one, counts)) for score, one in hits),
            engine_ms=0.0,
            groups_approximate=page.approximate,
        )

    def _count_folded(self, searcher: Searcher, matched: Query, plan: Plan) -> int:
        if plan.folded is None:
            return 0
        folded = both(matched, build_query(plan.folded, self._schema))
        return count_of(searcher.search(Query.const_score_query(folded, 0.0), 1))

    def timeline(self, request: TimelineRequest) -> Timeline:
        """Count hits by time."""
        plan = plan_timeline(request)
        with _in_our_words():
            _, searcher = self._used.look()
            guess = guess_dear(searcher, plan.search, passes=TIMELINE_PASSES, least=self._dear)
            if not guess:
                return count_timeline(searcher, self._schema, plan)
            slices = self._slices(searcher, guess, TIMELINE_PASSES)
            search, _ = cover(searcher, self._schema, plan.search, (), slices)
            counted = count_timeline(searcher, self._schema, replace(plan, search=search))
            return replace(counted, partial=not slices.whole)

    def suggest(self, text: str, size: int, now: datetime) -> Suggestions:
        """Suggest sources, topics and entities by how their names begin, and titles by their words."""
        plan, facets = plan_suggestions(text, size, now)
        with _in_our_words():
            _, searcher = self._used.look()
            started = time.perf_counter()
            whole = True
            if guess := guess_dear(searcher, plan, facets, least=self._dear):
                slices = self._slices(searcher, guess, 1)
                counts = search_in_slices(searcher, self._schema, plan, facets, size, slices).facets
                whole = slices.whole
            else:
                counts, _ = count_facets(searcher, self._schema, plan, facets, size)
        engine_ms = (time.perf_counter() - started) * 1000
        page = self.search(search_titles(text, size, now))
        titles = suggested_titles(page, text, size)
        engine_ms += page.engine_ms
        return make_suggestions(counts, titles, engine_ms=engine_ms, partial=not whole or page.partial)

    def similar(self, request: SimilarRequest) -> Similar:
        """Find articles like a text."""
        plan = plan_similar(request, self.frequencies)
        if plan is None:
            return Similar(SearchPage(0, 0, (), 0.0))
        with _in_our_words():
            _, searcher = self._used.look()
            started = time.perf_counter()
            articles, groups, found = find_similar(searcher, self._schema, plan)
            hits = tuple(Hit(_read(searcher, address), score) for score, address in found)
            engine_ms = (time.perf_counter() - started) * 1000
        return make_similar(plan, SearchPage(articles, groups, hits, engine_ms))

    def trends(self, request: TrendsRequest) -> Trends:
        """Find what stands in unusually many articles."""
        plan = plan_trends(request)
        with _in_our_words():
            _, searcher = self._used.look()
            started = time.perf_counter()
            counting = EmbeddedCounting(searcher, self._schema, self._seconds)
            found = find_trends(plan, counting)
        engine_ms = (time.perf_counter() - started) * 1000
        return replace(found, engine_ms=engine_ms, partial=counting.partial)

    def get(self, ids: Sequence[str], now: datetime) -> list[Article]:
        """The visible articles among ``ids``, in the order asked."""
        if not ids:
            return []
        with _in_our_words():
            _, searcher = self._used.look()
            query = build_query(plan_get(tuple(ids), to_ms(now)), self._schema)
            found = [_read(searcher, address) for _, address in searcher.search(query, len(ids)).hits]
        by_id = {article.id: article for article in found}
        return [by_id[article_id] for article_id in ids if article_id in by_id]

    def frequencies(self, language: str, words: Sequence[str]) -> Frequencies:
        """In how many bodies of a language each word occurs; a word of several terms as its rarest one."""
        with _in_our_words():
            _, searcher = self._used.look()
            counts = {
                word: min(searcher.doc_freq("body_terms", term) for term in made)
                for word, made in terms_of(words, language).items()
            }
            return Frequencies(searcher.doc_freq("languages", primary_language(language)), counts)

    def count(self, *, build: bool = False) -> int:
        """How many documents there are, tombstones included."""
        with _in_our_words():
            return self._look(build=build).num_docs

    def changes(self, ids: Sequence[str], *, build: bool = False) -> dict[str, int]:
        """The ``change`` of those documents that there are, whether visible or not."""
        with _in_our_words():
            return find_changes(self._look(build=build), ids, self._schema)

    def digests(self, ids: Sequence[str], *, build: bool = False) -> dict[str, str]:
        """A digest of each document's article as stored."""
        with _in_our_words():
            searcher = self._look(build=build)
            found = find_addresses(searcher, ids, self._schema)
            return {article_id: digest(_read(searcher, address)) for article_id, address in found.items()}

    def _look(self, *, build: bool) -> Searcher:
        return (self._built if build else self._used).look()[1]

    def begin_build(self) -> str:
        """Make an empty index beside the one in use, or go on with one begun before."""
        with _in_our_words():
            return embedded_builds.begin_build(self._directory)

    def building(self) -> str | None:
        """The name of the index being built, if there is one."""
        with _in_our_words():
            return embedded_builds.find_build(self._directory)

    def switch(self, now: int) -> str:
        """Put the built index in the place of the one in use, in one step."""
        with _in_our_words():
            return embedded_builds.switch_build(self._directory, now)

    def abandon_build(self) -> None:
        """Drop the index being built, if there is one."""
        with _in_our_words():
            embedded_builds.abandon_build(self._directory)

    def drop_retired(self, before: int) -> list[str]:
        """Drop what was retired before a moment."""
        with self._write_lock, _in_our_words():
            if not self._directory.exists():
                raise IndexMissing(f"There is no {self._directory}; `copydesk migrate` makes an index.")
            if self._writing:
                self._places()  # lets go of writers that a switch left behind
            return embedded_builds.drop_retired(self._directory, before)

    def remove_tombstones(self, before: int, limit: int) -> int:
        """Drop up to ``limit`` tombstones written before a moment; the writing process alone can."""
        with self._write_lock, _in_our_words():
            path, searcher = self._places()[-1]  # what is being built gets none that old
            query = build_query(plan_tombstones(before), self._schema)
            found = searcher.search(query, limit, count=False).hits
            if found:
                self._writers.remove(path, [_read(searcher, address).id for _, address in found])
        return len(found)

    def refresh(self) -> None:
        """Do nothing more: a write ends with a commit, which every search looks for."""

    def check(self) -> None:
        """Return when searches can be answered."""
        self._walks.forget_old()
        with _in_our_words():
            self._used.look()

    def close(self) -> None:
        """Give up the writers with their locks, and the files."""
        with self._write_lock:
            self._writers.keep([])
        self._walks.close()
        self._used.close()
        self._built.close()

    def walk(self, request: SearchRequest, mark: Mark | None, now: datetime) -> Step:
        """Take the next step through a whole result."""
        plan = plan_walk(request)
        with _in_our_words():
            _, present = self._used.look()
            return self._walks.step(plan, mark or Mark(), now, present)

    def end_walk(self, mark: Mark) -> None:
        """Give up at once what is kept for a walk."""
        self._walks.end(mark)


def _read(searcher: Searcher, address: DocAddress) -> Article:
    stored: bytes = searcher.doc(address).get_first("article")  # type: ignore[assignment]
    return restore(stored)


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Turn what the engine and the disk raise into ``Unavailable``."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"The index cannot be used: {error}") from error
    except ValueError as error:
        if "LockBusy" in str(error):
            raise Unavailable("Another process is writing to the index.") from error
        raise Unavailable(f"The index cannot be used: {error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # the engine's own: an Exception it is not
            raise
        raise Unavailable(f"The index cannot be used: {error}") from error
